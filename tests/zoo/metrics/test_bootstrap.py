import numpy as np
import pytest
from scipy import stats

from zoo.metrics.bootstrap import interval, resampled_sums
from zoo.metrics.label_scores import f1_intervals


def test_intervals_agree_with_scipy():
    rng = np.random.default_rng(1)
    right, predicted = rng.binomial(3, 0.4, 300), rng.binomial(4, 0.7, 300)
    low, high = interval(np.divide(*resampled_sums(np.stack([right, predicted], axis=1)).T))
    expected = stats.bootstrap(
        (right, predicted),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert low == pytest.approx(expected.low, abs=0.01) and high == pytest.approx(expected.high, abs=0.01)
    assert low < right.sum() / predicted.sum() < high


def test_sums_keep_the_shape_of_a_row_and_are_the_same_each_time():
    values = np.arange(24.0).reshape(4, 3, 2)
    sums = resampled_sums(values)
    assert sums.shape == (1000, 3, 2)
    np.testing.assert_array_equal(sums, resampled_sums(values))
    assert set(resampled_sums(np.eye(1)).ravel()) == {1.0}
    # Each set is as large as the first.
    np.testing.assert_array_equal(resampled_sums(np.ones(7)), np.full(1000, 7.0))


def test_intervals_of_f1():
    counts = np.zeros((40, 3, 3), int)
    counts[:, 0] = 1
    counts[::2, 1] = [1, 1, 1]
    assert f1_intervals(counts[:, :2]) == {"micro F1": (1.0, 1.0), "macro F1": (1.0, 1.0)}
    # A label that occurs nowhere counts as 0; one that is not drawn does not count.
    assert f1_intervals(counts)["macro F1"] == pytest.approx((2 / 3, 2 / 3))
    counts[::2, 0] = [0, 1, 1]
    low, high = f1_intervals(counts[:, :1])["micro F1"]
    assert 0.3 < low < 0.5 < high < 0.7
    assert f1_intervals(np.zeros((4, 2, 3)))["micro F1"] == (0.0, 0.0)
