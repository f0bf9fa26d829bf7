"""Scores of translations, entities, classes and language models, and their pictures; thin calls into packages."""

from zoo.metrics.calibration import calibration_bins, expected_calibration_error, fit_temperature
from zoo.metrics.classification import ClassReport, score_classes
from zoo.metrics.entities import EntityReport, score_entities, score_tags
from zoo.metrics.label_scores import LabelScore, LabelScores
from zoo.metrics.perplexity import Perplexity
from zoo.metrics.pictures import plot_confusion, plot_reliability
from zoo.metrics.summarization import RougeScore, rouge
from zoo.metrics.translation import Score, bleu, chrf, lowercase_tokenized_bleu

__all__ = [
    "ClassReport",
    "EntityReport",
    "LabelScore",
    "LabelScores",
    "Perplexity",
    "RougeScore",
    "Score",
    "bleu",
    "calibration_bins",
    "chrf",
    "expected_calibration_error",
    "fit_temperature",
    "lowercase_tokenized_bleu",
    "plot_confusion",
    "plot_reliability",
    "rouge",
    "score_classes",
    "score_entities",
    "score_tags",
]
