"""Draws against searching the exact cumulative sum, at every border and for sizes with and without blocks."""

import numpy as np
import pytest
from keras import ops

from zoo.generation.inverse_cdf import draw


def drawn(weights, uniforms):
    return ops.convert_to_numpy(draw(ops.convert_to_tensor(weights), ops.cast(uniforms, "float32")))


@pytest.mark.parametrize("size", [1, 5, 1000, 1024, 4999, 50257])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_equals_the_exact_sum(size, share):
    """`share` of the positions have no weight."""
    rng = np.random.default_rng(size)
    weights = rng.random((200, size)).astype("float32") ** 8
    weights[rng.random(weights.shape) < share] = 0
    weights[:, rng.integers(size)] = 1
    uniforms = rng.random(200).astype("float32")
    uniforms[:4] = [0.0, 1 - 2.0**-24, 0.5, 2.0**-24]
    sums = weights.astype("float64").cumsum(axis=1)
    expected = [
        np.searchsorted(row, share_of * row[-1], side="right") for row, share_of in zip(sums, uniforms, strict=True)
    ]
    found = drawn(weights, uniforms)
    assert (np.take_along_axis(weights, found[:, None], 1) > 0).all()
    # Rounding may move a border by a few of the 2**24 steps of the random number.
    different = np.flatnonzero(found != expected)
    assert len(different) <= 2
    for row in different:
        border = min(abs(sums[row] / sums[row, -1] - uniforms[row]))
        assert border < 5e-7


def test_integer_weights_are_exact():
    """Sums of small integers have no rounding, so every border is tested to the last bit."""
    weights = np.tile(np.array([0, 3, 0, 1, 4, 0], "float32"), (8, 1))
    assert drawn(weights, np.arange(8) / 8).tolist() == [1, 1, 1, 3, 4, 4, 4, 4]
    long = np.zeros((2048, 2048), "float32")
    long[:, ::2] = 2
    assert (drawn(long, np.arange(2048) / 2048) == np.arange(2048) // 2 * 2).all()


def test_nothing_to_draw():
    weights = np.array([[0, 0, 0], [np.nan, np.nan, np.nan], [0, 0, 1]], "float32")
    assert drawn(weights, [0.5, 0.5, 0.5]).tolist() == [0, 0, 2]
    assert drawn(np.tile(weights, (1, 1000)), [0.5, 0.5, 0.0]).tolist() == [0, 0, 2]
