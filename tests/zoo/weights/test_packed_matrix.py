"""Products with matrices packed, against NumPy and against the layers that hold the matrices."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from zoo.layers import Projection
from zoo.weights.packed_matrix import PANEL_WIDTH, PackedMatrix

RNG = np.random.default_rng(6)
DEPTH = 7


def _floats(*shape):
    return RNG.normal(size=shape).astype("float32")


# Less than one panel, exactly as many as fit, and a part of the last one.
@pytest.mark.parametrize("num_columns", [3, PANEL_WIDTH, 2 * PANEL_WIDTH, 2 * PANEL_WIDTH + 1])
@pytest.mark.parametrize("shape", [(1,), (5,), (0,), (2, 3), (2, 0)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_product_is_that_with_the_matrix(num_columns, shape, with_bias):
    matrix, bias = _floats(DEPTH, num_columns), _floats(num_columns) * with_bias
    rows = _floats(*shape, DEPTH)
    found = PackedMatrix(matrix, bias if with_bias else None, "float32").product(ops.convert_to_tensor(rows))
    assert found.shape == (*shape, num_columns)
    np.testing.assert_allclose(ops.convert_to_numpy(found), rows @ matrix + bias, atol=1e-5)


def test_product_in_half_precision_reads_a_rounded_matrix():
    matrix, rows = _floats(DEPTH, 70), _floats(4, DEPTH)
    packed = PackedMatrix(matrix, None, "bfloat16")
    assert [variable.dtype for variable in packed.variables] == ["bfloat16"]
    found = ops.convert_to_numpy(ops.cast(packed.product(ops.convert_to_tensor(rows)), "float32"))
    np.testing.assert_allclose(found, rows @ matrix, atol=0.1)
    assert not np.allclose(found, rows @ matrix, atol=1e-5)


@pytest.mark.parametrize("shape", [(), (2 * PANEL_WIDTH + 1,), (2, 4), (0,)])
def test_columns_are_those_of_the_matrix(shape):
    matrix = _floats(DEPTH, 2 * PANEL_WIDTH + 1)
    indices = np.arange(np.prod(shape), dtype="int32").reshape(shape)[::-1] if shape else np.int32(70)
    found = PackedMatrix(matrix, None, "float32").columns(ops.convert_to_tensor(indices))
    np.testing.assert_array_equal(ops.convert_to_numpy(found), matrix.T[indices])


def test_shapes_unknown_while_tracing():
    matrix, bias = _floats(DEPTH, 70), _floats(70)
    packed = PackedMatrix(matrix, bias, "float32")
    product = tf.function(packed.product, input_signature=[tf.TensorSpec([None, None, DEPTH])])
    columns = tf.function(packed.columns, input_signature=[tf.TensorSpec([None, None], tf.int32)])
    for shape in ((2, 3), (1, 0)):
        rows = _floats(*shape, DEPTH)
        np.testing.assert_allclose(product(rows).numpy(), rows @ matrix + bias, atol=1e-5)
        np.testing.assert_array_equal(columns(np.full(shape, 69, "int32")).numpy(), matrix.T[np.full(shape, 69)])


def test_projections_with_and_without_bias_have_no_joint_product():
    with_bias, without = Projection(3), Projection(3, use_bias=False)
    for layer in (with_bias, without):
        layer.build((None, DEPTH))
    with pytest.raises(ValueError, match="1 of 2 projections have a bias"):
        PackedMatrix.of_projections(with_bias, without)


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("activation", [None, "tanh"])
def test_projection_gives_the_same_in_packed(use_bias, activation):
    layer = Projection(70, use_bias=use_bias, activation=activation, bias_initializer="random_normal")
    rows = _floats(2, 3, DEPTH)
    expected = ops.convert_to_numpy(layer(rows))
    dense = keras.layers.Dense.from_config(layer.get_config())
    dense.build(rows.shape)
    dense.set_weights(layer.get_weights())
    np.testing.assert_array_equal(expected, ops.convert_to_numpy(dense(rows)))
    layer.packed = PackedMatrix.of_projections(layer)
    layer.kernel.assign(ops.zeros_like(layer.kernel))  # no longer read
    np.testing.assert_allclose(ops.convert_to_numpy(layer(rows)), expected, atol=1e-6)


def test_joint_product_of_several_projections():
    layers = [Projection(units, bias_initializer="random_normal") for units in (5, 70, 64)]
    rows = ops.convert_to_tensor(_floats(3, DEPTH))
    expected = np.concatenate([ops.convert_to_numpy(layer(rows)) for layer in layers], axis=-1)
    found = PackedMatrix.of_projections(*layers).product(rows)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-6)
