"""Scores of translations, summaries, entities, classes, numbers, searches and language models, and their pictures.

Calls into packages.

Names are imported when they are first used: a score of translations needs none of the packages of the others.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.metrics.calibration import calibration_bins, expected_calibration_error, fit_temperature
    from zoo.metrics.classification import ClassReport, score_classes
    from zoo.metrics.entities import EntityReport, score_entities, score_tags
    from zoo.metrics.label_scores import LabelScore, LabelScores
    from zoo.metrics.perplexity import Perplexity
    from zoo.metrics.pictures import plot_confusion, plot_reliability
    from zoo.metrics.regression import NumberScore, score_numbers
    from zoo.metrics.retrieval import nearest, retrieval_scores
    from zoo.metrics.summarization import RougeScore, rouge
    from zoo.metrics.text_language import TextLanguage, target_language
    from zoo.metrics.translation import Score, bleu, chrf, lowercase_tokenized_bleu

_HOMES = {
    "AnswerScores": "answers",
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
    "nearest": "retrieval",
    "plot_confusion": "pictures",
    "plot_reliability": "pictures",
    "retrieval_scores": "retrieval",
    "rouge": "summarization",
    "score_answers": "answers",
    "score_classes": "classification",
    "score_entities": "entities",
    "score_numbers": "regression",
    "score_tags": "entities",
    "target_language": "text_language",
}

__all__ = [
    "ClassReport",
    "EntityReport",
    "LabelScore",
    "LabelScores",
    "NumberScore",
    "Perplexity",
    "RougeScore",
    "Score",
    "TextLanguage",
    "bleu",
    "calibration_bins",
    "chrf",
    "expected_calibration_error",
    "fit_temperature",
    "lowercase_tokenized_bleu",
    "nearest",
    "plot_confusion",
    "plot_reliability",
    "retrieval_scores",
    "rouge",
    "score_classes",
    "score_entities",
    "score_numbers",
    "score_tags",
    "target_language",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"zoo.metrics.{_HOMES[name]}"), name)
