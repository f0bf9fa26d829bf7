"""Scores of translations, of entities and of classes: thin calls into the standard packages, and their pictures."""

from zoo.metrics.calibration import calibration_bins, expected_calibration_error, fit_temperature
from zoo.metrics.classification import ClassReport, score_classes
from zoo.metrics.entities import EntityReport, score_entities, score_tags
from zoo.metrics.label_scores import LabelScore, LabelScores
from zoo.metrics.pictures import plot_confusion, plot_reliability
from zoo.metrics.translation import Score, bleu, chrf, lowercase_tokenized_bleu

__all__ = [
    "ClassReport",
    "EntityReport",
    "LabelScore",
    "LabelScores",
    "Score",
    "bleu",
    "calibration_bins",
    "chrf",
    "expected_calibration_error",
    "fit_temperature",
    "lowercase_tokenized_bleu",
    "plot_confusion",
    "plot_reliability",
    "score_classes",
    "score_entities",
    "score_tags",
]
