"""Writing into a cache, and the products of steps with it, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from zoo.layers.key_value_cache import decode_position, empty_cache, write_position
from zoo.layers.row_products import row_products

N, H, S, K = 3, 2, 5, 4
RNG = np.random.default_rng(4)
NEW = RNG.normal(size=(S, N, H * K)).astype("float32")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_loop_writes_every_position_once_and_both_caches_apart(dtype):
    def write(limit):
        def body(index, keys, values):
            position = decode_position(keys, index)
            new = tf.gather(NEW, index)
            return index + 1, write_position(keys, new, position), write_position(values, -new, position)

        return tf.while_loop(lambda index, *_: index < limit, body, (0, *empty_cache(N, H, S, K, dtype)))[1:]

    found = tf.function(write, autograph=False)(tf.constant(S - 1))
    expected = NEW.reshape(S, N, H, K).transpose(1, 2, 0, 3).copy()
    expected[:, :, S - 1] = 0.0
    for part, sign in zip(found, (1, -1), strict=True):
        np.testing.assert_array_equal(part.numpy(), sign * tf.cast(expected, dtype).numpy())


def test_a_cache_that_is_still_needed_stays_as_it_was():
    before = RNG.normal(size=(N, H, S, K)).astype("float32")

    @tf.function(autograph=False)
    def written(index):
        cache = tf.constant(before) * 1.0
        position = decode_position(cache, index)
        return cache, write_position(cache, NEW[0], position), write_position(cache, NEW[1], position)

    for index in (0, 2, 4):
        kept, *changed = (part.numpy() for part in written(tf.constant(index)))
        np.testing.assert_array_equal(kept, before)
        for new, part in zip(NEW, changed, strict=False):
            expected = before.copy()
            expected[:, :, index] = new.reshape(N, H, K)
            np.testing.assert_array_equal(part, expected)


def test_places_begin_after_the_prompts():
    keys = np.zeros((2, H, 5, K), "float32")
    mask = np.array([[1, 1, 1], [1, 0, 0]])
    position = decode_position(keys, 0, mask)
    assert int(position.cache_index) == 3
    visible = ops.convert_to_numpy(position.visible)
    np.testing.assert_array_equal(visible, [[[[1, 1, 1, 1, 0]]], [[[1, 0, 0, 1, 0]]]])


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14), ("bfloat16", 0.03), ("float16", 4e-3)]
)
def test_products_of_rows(dtype, tolerance):
    rows, matrices = RNG.normal(size=(N, H, 1, K)), RNG.normal(size=(N, H, K, S))
    expected = np.einsum("nhtk,nhks->nhts", rows, matrices)
    for transposed in (False, True):
        given = np.swapaxes(matrices, -1, -2) if transposed else matrices
        found = row_products(ops.cast(rows, dtype), ops.cast(given, dtype), transposed=transposed)
        assert keras.backend.standardize_dtype(found.dtype) == dtype
        np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(found, "float64")), expected, atol=4 * tolerance)
