import numpy as np
import pytest
from scipy import stats

from zoo.errors import UserError
from zoo.metrics import score_numbers


def ranks(values):
    """By definition: of equal values the mean of their places."""
    return [np.mean([place for place, other in enumerate(sorted(values), 1) if other == value]) for value in values]


def test_correlations_and_squared_error_by_definition():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, 40).astype(float)
    found = truth**6 + rng.normal(scale=30, size=40)
    scores = score_numbers(truth, found)
    assert scores["pearson"].value == pytest.approx(np.corrcoef(truth, found)[0, 1])
    assert scores["spearman"].value == pytest.approx(np.corrcoef(ranks(truth), ranks(found))[0, 1])
    assert scores["mse"].value == pytest.approx(sum((a - b) ** 2 for a, b in zip(truth, found, strict=True)) / 40)
    assert [score.low for score in scores.values()] == [None] * 3
    assert scores["pearson"].value != pytest.approx(scores["spearman"].value, abs=0.01)


def test_intervals_agree_with_scipy():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60)
    found = truth + rng.normal(size=60)
    scores = score_numbers(truth, found, intervals=True)
    for name, statistic in (
        ("pearson", lambda a, b: stats.pearsonr(a, b).statistic),
        ("mse", lambda a, b: np.mean((a - b) ** 2)),
    ):
        expected = stats.bootstrap(
            (truth, found),
            statistic,
            paired=True,
            vectorized=False,
            n_resamples=1000,
            method="percentile",
            rng=np.random.default_rng(2),
        ).confidence_interval
        score = scores[name]
        assert (score.low, score.high) == pytest.approx((expected.low, expected.high), abs=0.08)
        assert score.low < score.value < score.high
    assert scores["spearman"].low < scores["spearman"].value < scores["spearman"].high


def test_numbers_that_are_all_the_same_have_no_correlation():
    scores = score_numbers([2, 2, 2], [1, 2, 3], intervals=True)
    assert scores["pearson"].value is scores["spearman"].value is scores["pearson"].low is None
    assert scores["mse"].value == pytest.approx(2 / 3)
    # Resamples of two texts are constant half of the time; the others have a correlation.
    scores = score_numbers([1, 2], [3, 5], intervals=True)
    assert (scores["pearson"].value, scores["pearson"].low, scores["pearson"].high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [([], [], "no texts"), ([1], [1, 2], r"shape \(2,\) but references of shape \(1,\)")],
)
def test_what_cannot_be_scored(references, predictions, message):
    with pytest.raises(UserError, match=message):
        score_numbers(references, predictions)
