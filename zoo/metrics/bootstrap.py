"""Confidence intervals by bootstrap over texts."""

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
    rows = values.reshape(len(values), -1)
    sums = np.empty((RESAMPLES, rows.shape[1]))
    for index, drawn in enumerate(resampled_rows(len(rows))):
        sums[index] = np.bincount(drawn, minlength=len(rows)) @ rows
    return sums.reshape(RESAMPLES, *values.shape[1:])


def resampled_rows(count):
    """Yields the rows of `RESAMPLES` sets of `count` texts, drawn with replacement, the same ones every time."""
    rng = np.random.default_rng(_SEED)
    for _ in range(RESAMPLES):
        yield rng.integers(count, size=count)


def interval(scores):
    """The 95% interval of resampled scores, by percentiles: (low, high)."""
    low, high = np.quantile(scores, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return float(low), float(high)
