"""Scores of translations, summaries, entities, classes, numbers and language models, and their pictures.

Calls into packages.

Names are imported when they are first used: a score of translations needs none of the packages of the others.
"""

import importlib

_HOMES = {
    "ClassReport": "classification",
    "EntityReport": "entities",
    "LabelScore": "label_scores",
    "LabelScores": "label_scores",
    "NumberScore": "regression",
    "Perplexity": "perplexity",
    "RougeScore": "summarization",
    "Score": "translation",
    "TextLanguage": "text_language",
    "bleu": "translation",
    "calibration_bins": "calibration",
    "chrf": "translation",
    "expected_calibration_error": "calibration",
    "fit_temperature": "calibration",
    "lowercase_tokenized_bleu": "translation",
    "plot_confusion": "pictures",
    "plot_reliability": "pictures",
    "rouge": "summarization",
    "score_classes": "classification",
    "score_entities": "entities",
    "score_numbers": "regression",
    "score_tags": "entities",
    "target_language": "text_language",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"zoo.metrics.{_HOMES[name]}"), name)
