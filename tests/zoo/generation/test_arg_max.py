"""Positions of the largest entries against NumPy."""

import numpy as np
import pytest
from keras import ops

from zoo.generation.arg_max import arg_max


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["distinct", "ties", "all -inf"])
def test_the_first_among_equals(axis, kind):
    values = np.random.default_rng(0).normal(size=(4, 5, 300)).astype("float32")
    if kind == "ties":
        values = np.round(values)
    elif kind == "all -inf":
        values[:] = -np.inf
    found = ops.convert_to_numpy(arg_max(ops.convert_to_tensor(values), axis))
    assert found.dtype == "int32"
    np.testing.assert_array_equal(found, values.argmax(axis))
