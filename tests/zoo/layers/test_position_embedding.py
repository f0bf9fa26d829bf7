import math

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from layer_harness import TARGET, D, T, randomised
from transformers.models.m2m_100.modeling_m2m_100 import M2M100SinusoidalPositionalEmbedding
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

from zoo.errors import UserError
from zoo.layers import PositionEmbedding, sinusoidal_table


@pytest.mark.parametrize("hidden_dim", [16, 6, 7])
def test_the_table_is_that_of_fairseq(hidden_dim):
    """M2M-100 in transformers carries fairseq's SinusoidalPositionalEmbedding over."""
    expected = M2M100SinusoidalPositionalEmbedding.get_embedding(50, hidden_dim).numpy()
    np.testing.assert_allclose(sinusoidal_table(50, hidden_dim), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("hidden_dim", [16, 6])
def test_the_published_table_is_that_of_marian(hidden_dim):
    expected = MarianSinusoidalPositionalEmbedding(50, hidden_dim).create_weight().numpy()
    np.testing.assert_allclose(sinusoidal_table(50, hidden_dim, "sinusoidal_as_published"), expected, rtol=0, atol=1e-6)
    with pytest.raises(UserError, match="'sinusoidal_as_published' need an even hidden_dim, got 7"):
        sinusoidal_table(50, 7, "sinusoidal_as_published")


def test_the_table_by_its_formula():
    """Wavelengths from 2 pi to 10000 * 2 pi: the first sine turns by one radian a position, the last by a 10000th."""
    table = sinusoidal_table(100, 16)
    assert table.dtype == np.float32
    for position in (0, 1, 63, 99):
        for i in range(8):
            angle = position / 10000 ** (i / 7)
            assert table[position, i] == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[position, 8 + i] == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize("kind", PositionEmbedding.KINDS)
def test_each_position_gets_its_vector(kind):
    layer = PositionEmbedding(T, kind)
    layer.build(TARGET.shape)
    randomised(layer)
    table = ops.convert_to_numpy(layer.weights[0]) if kind == "learned" else sinusoidal_table(T, D, kind)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(TARGET)), TARGET + table[None], rtol=0, atol=1e-6)
    for index in (0, T - 1):
        one = ops.convert_to_numpy(layer.at(TARGET[:, :1], ops.convert_to_tensor(index, "int32")))
        np.testing.assert_allclose(one, TARGET[:, :1] + table[index], rtol=0, atol=1e-6)
    assert len(layer.weights) == (kind == "learned")


def test_a_length_unknown_while_tracing():
    layer = PositionEmbedding(T)
    traced = tf.function(layer, input_signature=[tf.TensorSpec([None, None, D])])
    for length in (1, T):
        expected = TARGET[:, :length] + sinusoidal_table(length, D)
        np.testing.assert_allclose(traced(TARGET[:, :length]).numpy(), expected, rtol=0, atol=1e-6)


def test_longer_inputs_and_unknown_kinds_are_refused():
    with pytest.raises(UserError, match=f"a sequence of {T} tokens is longer than max_sequence_length {T - 1}"):
        PositionEmbedding(T - 1)(TARGET)
    with pytest.raises(
        UserError, match="kind must be one of sinusoidal, sinusoidal_as_published, learned, got 'rotary'"
    ):
        PositionEmbedding(T, "rotary")
