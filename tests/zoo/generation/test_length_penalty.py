"""The divisors, by the numbers of their formulas."""

import numpy as np
import pytest
from keras import ops

from zoo.errors import UserError
from zoo.generation import length_penalty_divisor
from zoo.generation.length_penalty import normalised_scores


def test_formulas():
    length, alpha = ops.array([1, 7, 25]), ops.array([0.6, 1.0, 2.0])
    gnmt = length_penalty_divisor(length, alpha, "gnmt")
    np.testing.assert_allclose(ops.convert_to_numpy(gnmt), [1.0, 2.0, 25.0], rtol=1e-6)
    average = length_penalty_divisor(length, alpha, "average")
    np.testing.assert_allclose(ops.convert_to_numpy(average), [1.0, 7.0, 625.0], rtol=1e-6)
    none = length_penalty_divisor(length, alpha, "none")
    np.testing.assert_array_equal(ops.convert_to_numpy(none), [1.0, 1.0, 1.0])


def test_unknown_type():
    with pytest.raises(UserError, match="gnmt, average, none; got 'mean'"):
        length_penalty_divisor(ops.array([1]), 1.0, "mean")


def test_scores_are_never_nan():
    log_probs = ops.array([-2.0, -float("inf"), -float("inf"), 0.0, -1.0])
    divisor = ops.array([2.0, 3.0, float("inf"), 0.0, float("nan")])
    scores = ops.convert_to_numpy(normalised_scores(log_probs, divisor))
    assert scores.tolist() == [-1.0, -np.inf, -np.inf, -np.inf, -np.inf]
