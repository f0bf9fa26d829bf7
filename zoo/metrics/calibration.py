"""Whether probabilities are to be believed, and the temperature that makes them so.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", https://arxiv.org/abs/1706.04599.
"""

from typing import Any, NamedTuple

import numpy as np

from zoo.errors import UserError

SMALLEST_TEMPERATURE, LARGEST_TEMPERATURE = 0.01, 100.0


class CalibrationBins(NamedTuple):
    """Predictions sorted by confidence into bins of equal width.

    K bins; bin k holds confidences above k / K, up to and including (k + 1) / K; the first one also 0.

    Attributes:
        counts: int [K], predictions in each bin.
        confidences: float [K], their mean confidence; 0 in empty bins.
        accuracies: float [K], the share of them that is right; 0 in empty bins.
    """

    counts: np.ndarray
    confidences: np.ndarray
    accuracies: np.ndarray

    @property
    def expected_error(self):
        """Expected calibration error: the mean over predictions of the gap between their bin's two values."""
        total = self.counts.sum()
        return float(np.sum(self.counts * np.abs(self.accuracies - self.confidences)) / total) if total else 0.0


def calibration_bins(probabilities: Any, labels: Any, num_bins: int = 15) -> CalibrationBins:
    """Sorts predictions into bins.

    Args:
        probabilities: Floats [N, L], of every label.
        labels: Integers [N], the right class: each text is one prediction, its confidence the largest probability.
            Or bool [N, L], where texts have any number of labels: each label of each text is one prediction, its
            confidence the probability, and it is right where the text has the label.
        num_bins: Number of bins.

    Returns:
        `CalibrationBins`.

    Raises:
        UserError: There are no predictions, or not as many labels as predictions.
    """
    probabilities, labels = _checked(probabilities, labels)
    if labels.ndim == 2:
        confidences, right = probabilities.ravel(), labels.ravel()
    else:
        confidences, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidences * num_bins).astype(int) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    shown = np.maximum(counts, 1)
    return CalibrationBins(
        counts=counts,
        confidences=np.bincount(bins, confidences, num_bins) / shown,
        accuracies=np.bincount(bins, right, num_bins) / shown,
    )


def expected_calibration_error(probabilities: Any, labels: Any, num_bins: int = 15) -> float:
    """Expected calibration error, between 0 and 1. Arguments as for `calibration_bins`."""
    return calibration_bins(probabilities, labels, num_bins).expected_error


def fit_temperature(logits: Any, labels: Any) -> float:
    """The temperature T for which logits / T fit the labels best.

    Dividing by T changes no decision, only how sure the model says it is. The negative log-likelihood is convex in
    1 / T, so its minimum is found by bisecting its slope.

    Args:
        logits: Floats [N, L], on texts the model was not trained on.
        labels: Integers [N] for softmax, or bool [N, L] for a sigmoid of each label.

    Returns:
        float between 0.01 and 100. 100 if the logits say nothing about the labels, or the opposite. If every decision
        is right, a smaller T is always better: then, one with which the likelihood is 1 as far as float64 can tell.

    Raises:
        UserError: As `calibration_bins`.
    """
    logits, labels = _checked(logits, labels)

    def slope(inverse):
        scaled = logits * inverse
        if labels.ndim == 2:
            return np.mean((_sigmoid(scaled) - labels) * logits)
        expected = np.sum(softmax(scaled) * logits, axis=1)
        return np.mean(expected - logits[np.arange(len(labels)), labels])

    low, high = np.log(1 / LARGEST_TEMPERATURE), np.log(1 / SMALLEST_TEMPERATURE)
    for _ in range(60):
        middle = (low + high) / 2
        if slope(np.exp(middle)) < 0:
            low = middle
        else:
            high = middle
    return float(np.exp(-(low + high) / 2))


def negative_log_likelihood(logits, labels):
    """Mean over texts (of a multi-label data set, over texts and labels) in nats. Arguments as `fit_temperature`."""
    logits, labels = _checked(logits, labels)
    if labels.ndim == 2:
        return float(np.mean(np.logaddexp(0, np.where(labels, -logits, logits))))
    peak = logits.max(axis=1, keepdims=True)
    normalizer = peak[:, 0] + np.log(np.exp(logits - peak).sum(axis=1))
    return float(np.mean(normalizer - logits[np.arange(len(labels)), labels]))


def softmax(logits):
    """Softmax over the last axis, in float64."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sigmoid(logits):
    # exp of what is never positive, so that nothing overflows
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1, small) / (1 + small)


def _checked(values, labels):
    values, labels = np.asarray(values, np.float64), np.asarray(labels)
    labels = labels.astype(bool) if labels.ndim == 2 else labels.astype(np.int64)
    if values.shape[: labels.ndim] != labels.shape:
        raise UserError(
            f"there are predictions of shape {values.shape} but labels of shape {labels.shape}; each text needs both"
        )
    if not len(values):
        raise UserError("there are no predictions to compare with labels")
    return values, labels
