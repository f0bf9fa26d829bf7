"""Encoder and decoder blocks against PyTorch's."""

import numpy as np
import pytest
import torch_references
from keras import ops
from layer_harness import ATTENTION_MASK, SOURCE, SOURCE_MASK, TARGET, D, T, randomised
from torch_references import hidden_positions, tensor

from zoo.errors import UserError
from zoo.layers import TransformerBlock

VARIANTS = [("post", "relu", 1e-5), ("pre", "relu", 1e-5), ("post", "gelu", 1e-6), ("pre", "gelu", 1e-3)]
REAL = SOURCE_MASK[:3]


ENCODER, DECODER, CAUSAL = {}, dict(causal=True, cross_attention=True), dict(causal=True)


def block(kind, order, activation, epsilon, attention=None, feed_forward=None, **options):
    attention = dict(num_heads=4, **(attention or {}))
    feed_forward = dict(intermediate_dim=24, activation=activation, **(feed_forward or {}))
    return TransformerBlock(D, attention, feed_forward, order=order, norm_epsilon=epsilon, **kind, **options)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_encoder_blocks_equal_torch(variant):
    layer = block(ENCODER, *variant)
    layer(SOURCE)
    randomised(layer)
    found = ops.convert_to_numpy(layer(SOURCE[:3], padding_mask=REAL))
    reference = torch_references.encoder_layer(layer)
    expected = reference(tensor(SOURCE[:3]), src_key_padding_mask=tensor(REAL) == 0).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_decoder_blocks_equal_torch(variant):
    layer = block(DECODER, *variant)
    layer(TARGET, SOURCE)
    randomised(layer)
    found = ops.convert_to_numpy(layer(TARGET[:3], SOURCE[:3], encoded_padding_mask=REAL))
    reference = torch_references.decoder_layer(layer)
    expected = reference(
        tensor(TARGET[:3]),
        tensor(SOURCE[:3]),
        tgt_mask=hidden_positions(T),
        memory_key_padding_mask=tensor(REAL) == 0,
    )
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_causal_blocks_equal_torch(variant):
    """With and without a mask that differs in every row; the last position's is that of the cached path too."""
    layer = block(CAUSAL, *variant)
    layer(TARGET)
    randomised(layer)
    reference = torch_references.encoder_layer(layer)
    found = ops.convert_to_numpy(layer(TARGET))
    expected = reference(tensor(TARGET), src_mask=hidden_positions(T)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    whole, (keys, values) = layer.prefill(TARGET)
    np.testing.assert_allclose(ops.convert_to_numpy(whole), expected, rtol=0, atol=1e-5)
    assert keys.shape == values.shape == (len(TARGET), 4, T, D // 4)
    found = ops.convert_to_numpy(layer(TARGET, attention_mask=ATTENTION_MASK))
    for row, mask in enumerate(ATTENTION_MASK):
        hidden = hidden_positions(T) | (tensor(mask) == 0)
        expected = reference(tensor(TARGET[row : row + 1]), src_mask=hidden).detach().numpy()
        np.testing.assert_allclose(found[row : row + 1], expected, rtol=0, atol=1e-5)


def test_the_residual_path_has_initial_weights_of_its_own():
    initial = dict(initializer_stddev=0.1)
    layer = TransformerBlock(
        64,
        dict(num_heads=4, **initial),
        dict(intermediate_dim=256, **initial),
        causal=True,
        residual_initializer_stddev=0.02,
    )
    layer.build((None, None, 64))
    attention, feed_forward = layer.self_attention, layer.feed_forward
    for residual, other in (
        (attention.output_projection, attention.value),
        (feed_forward.down_projection, feed_forward.up_projection),
    ):
        ratio = np.std(ops.convert_to_numpy(residual.kernel)) / np.std(ops.convert_to_numpy(other.kernel))
        assert ratio == pytest.approx(0.2, rel=0.1)


def test_dropout_acts_in_training_only():
    rate = dict(dropout=0.5)
    for kind, inputs in ((ENCODER, (SOURCE,)), (DECODER, (TARGET, SOURCE)), (CAUSAL, (TARGET,))):
        with_dropout = block(kind, "post", "relu", 1e-5, attention=rate, feed_forward=rate, **rate)
        plain = block(kind, "post", "relu", 1e-5)
        for layer in (with_dropout, plain):
            layer(*inputs)
            randomised(layer)
        expected = ops.convert_to_numpy(plain(*inputs))
        np.testing.assert_array_equal(ops.convert_to_numpy(with_dropout(*inputs)), expected)
        assert np.abs(ops.convert_to_numpy(with_dropout(*inputs, training=True)) - expected).max() > 0.1


def test_an_unknown_norm_is_refused():
    for options, message in (
        (dict(norm="none"), "norm must be one of layer, rms, got 'none'"),
        (dict(order="none"), "order must be one of post, pre, both, got 'none'"),
        (dict(first_norm=False), 'not with order="post"'),
    ):
        with pytest.raises(UserError, match=message):
            TransformerBlock(D, dict(num_heads=4), dict(intermediate_dim=24), **options)
