"""Scores of numbers that a model gives to texts: correlations by SciPy, and the mean squared error."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.metrics.bootstrap import interval, resampled_rows


@dataclass(frozen=True)
class NumberScore:
    """One metric's value on a set of texts.

    Attributes:
        name: "Pearson", "Spearman" or "MSE".
        value: The correlation, between -1 and 1, or the mean squared error. None for a correlation with numbers that
            are all the same, which has none.
        low, high: 95% confidence interval by bootstrap over the texts; None if not asked for, or without a value.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


def score_numbers(references: Any, predictions: Any, *, intervals: bool = False) -> dict[str, NumberScore]:
    """Compares predicted numbers with those of the references.

    Args:
        references: Numbers [N], the right ones.
        predictions: Numbers [N].
        intervals: Whether to compute confidence intervals. Of correlations they are over the resamples that have one.

    Returns:
        dict of `NumberScore`: "pearson", "spearman" and "mse".

    Raises:
        UserError: There are no texts, or not as many predictions as references.

    Example:
        >>> score_numbers([1, 2, 3], [1, 2, 5])["spearman"].value
        1.0
    """
    references, predictions = (np.asarray(each, "float64") for each in (references, predictions))
    if references.shape != predictions.shape or references.ndim != 1:
        raise UserError(
            f"there are predictions of shape {predictions.shape} but references of shape {references.shape}; "
            "each text needs one number of each"
        )
    if not len(references):
        raise UserError("there are no texts to score")
    samples = list(resampled_rows(len(references))) if intervals else []
    found = {}
    for name, metric in (("Pearson", _pearson), ("Spearman", _spearman), ("MSE", _mean_squared_error)):
        value = metric(references, predictions)
        low = high = None
        if intervals and value is not None:
            resampled = (metric(references[rows], predictions[rows]) for rows in samples)
            low, high = interval([each for each in resampled if each is not None])
        found[name.lower()] = NumberScore(name, value, low, high)
    return found


def _pearson(references, predictions):
    # Imported here because it takes a while.
    from scipy import stats

    if _constant(references) or _constant(predictions):
        return None
    return _defined(stats.pearsonr(references, predictions).statistic)


def _spearman(references, predictions):
    from scipy import stats

    if _constant(references) or _constant(predictions):
        return None
    return _defined(stats.spearmanr(references, predictions).statistic)


def _mean_squared_error(references, predictions):
    return float(np.mean((references - predictions) ** 2))


def _constant(values):
    return np.ptp(values) == 0


def _defined(value):
    return None if math.isnan(value) else float(value)
