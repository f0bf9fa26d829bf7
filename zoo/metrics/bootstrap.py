"""Confidence intervals by bootstrap over texts, for scores that follow from sums over the texts."""

import numpy as np

RESAMPLES = 1000
_CONFIDENCE = 0.95
_SEED = 0


def resampled_sums(values):
    """Sums over the texts of `RESAMPLES` sets as large as this one, drawn from it with replacement.

    Sums alone are kept, so that a hundred labels of ten thousand texts fit into memory, which drawing the rows
    themselves, as `scipy.stats.bootstrap` does, would not.

    Args:
        values: Numbers [N, ...], one row for each of N texts.

    Returns:
        float [RESAMPLES, ...]. The same for the same values.
    """
    values = np.asarray(values, "float64")
    rng = np.random.default_rng(_SEED)
    rows = values.reshape(len(values), -1)
    sums = np.empty((RESAMPLES, rows.shape[1]))
    for index in range(RESAMPLES):
        sums[index] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows)) @ rows
    return sums.reshape(RESAMPLES, *values.shape[1:])


def interval(scores):
    """The 95% interval of resampled scores, by percentiles: (low, high)."""
    low, high = np.quantile(scores, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return float(low), float(high)
