import numpy as np
import pytest

from zoo.errors import UserError
from zoo.metrics.calibration import (
    calibration_bins,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    softmax,
)


def sampled(temperature, multi_label=False):
    """Logits, and labels drawn from what the logits say once divided by a temperature."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(4000, 3)) * 4
    if multi_label:
        return logits, rng.random(logits.shape) < 1 / (1 + np.exp(-logits / temperature))
    cumulated = softmax(logits / temperature).cumsum(axis=1)
    return logits, (rng.random((4000, 1)) > cumulated).sum(axis=1)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_temperature_is_the_best_of_a_fine_grid(multi_label, temperature):
    logits, labels = sampled(temperature, multi_label)
    found = fit_temperature(logits, labels)
    grid = np.geomspace(0.1, 10, 401)
    losses = [negative_log_likelihood(logits / each, labels) for each in grid]
    assert found == pytest.approx(grid[int(np.argmin(losses))], rel=0.02)
    assert negative_log_likelihood(logits / found, labels) <= min(losses) + 1e-12
    assert found == pytest.approx(temperature, rel=0.1)


def test_limits_of_the_temperature():
    sure = np.eye(3) * 9
    # Surer is better for ever, but float64 cannot tell by how much.
    assert negative_log_likelihood(sure / fit_temperature(sure, [0, 1, 2]), [0, 1, 2]) < 1e-15
    assert fit_temperature(sure, [1, 2, 0]) == pytest.approx(100)
    assert fit_temperature(sure * 1e4, [1, 2, 0]) == pytest.approx(100)
    assert fit_temperature(np.zeros((2, 3)), [0, 1]) == pytest.approx(100)


def test_likelihood_by_definition():
    logits, labels = sampled(1.0)
    exact = -np.log(softmax(logits)[np.arange(len(labels)), labels]).mean()
    assert negative_log_likelihood(logits, labels) == pytest.approx(exact)
    logits, labels = sampled(1.0, multi_label=True)
    probabilities = 1 / (1 + np.exp(-logits))
    assert negative_log_likelihood(logits, labels) == pytest.approx(
        -np.log(np.where(labels, probabilities, 1 - probabilities)).mean()
    )
    assert negative_log_likelihood([[1e5, 0.0]], [1]) == 1e5


def test_bins_against_a_plain_loop():
    logits, labels = sampled(2.0)
    probabilities = softmax(logits)
    bins = calibration_bins(probabilities, labels, 10)
    members = [[] for _ in range(10)]
    for row, label in zip(probabilities, labels, strict=True):
        place = next(number for number in range(10) if row.max() <= (number + 1) / 10 + 1e-15)
        members[place].append((row.max(), row.argmax() == label))
    assert bins.counts.tolist() == [len(each) for each in members]
    error = 0.0
    for each, confidence, accuracy in zip(members, bins.confidences, bins.accuracies, strict=True):
        if each:
            assert (confidence, accuracy) == pytest.approx(np.mean(each, axis=0))
            error += len(each) / len(labels) * abs(confidence - accuracy)
    assert bins.expected_error == pytest.approx(error) == expected_calibration_error(probabilities, labels, 10)


def test_the_right_temperature_calibrates():
    logits, labels = sampled(3.0)
    assert expected_calibration_error(softmax(logits), labels) > 0.15
    assert expected_calibration_error(softmax(logits / fit_temperature(logits, labels)), labels) < 0.03


def test_edges_of_bins():
    bins = calibration_bins([[0.5, 0.5], [1.0, 0.0], [0.4, 0.6]], [0, 0, 0], 5)
    assert bins.counts.tolist() == [0, 0, 2, 0, 1]
    assert bins.accuracies.tolist() == [0, 0, 0.5, 0, 1]
    bins = calibration_bins([[0.0, 1.0]], np.array([[False, True]]), 2)
    assert bins.counts.tolist() == [1, 1]
    assert bins.expected_error == 0


def test_mistakes():
    for call in (calibration_bins, fit_temperature, negative_log_likelihood):
        with pytest.raises(UserError, match=r"shape \(2, 3\) but labels of shape \(1,\)"):
            call(np.zeros((2, 3)), [0])
        with pytest.raises(UserError, match="no predictions"):
            call(np.zeros((0, 3)), [])
