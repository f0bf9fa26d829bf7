"""Scores of translations, of entities and of classes: thin calls into the standard packages, and their pictures."""

from zoo.metrics.translation import Score, bleu, chrf, lowercase_tokenized_bleu

__all__ = ["Score", "bleu", "chrf", "lowercase_tokenized_bleu"]
