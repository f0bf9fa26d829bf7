"""Encoder and decoder blocks against PyTorch's."""

import numpy as np
import pytest
import torch_references
from keras import ops
from layer_harness import ATTENTION_MASK, SOURCE, SOURCE_MASK, TARGET, D, T, randomised
from torch_references import hidden_positions, tensor

from zoo.errors import UserError
from zoo.layers import TransformerCausalBlock, TransformerDecoderBlock, TransformerEncoderBlock

VARIANTS = [("post", "relu", 1e-5), ("pre", "relu", 1e-5), ("post", "gelu", 1e-6), ("pre", "gelu", 1e-3)]
REAL = SOURCE_MASK[:3]


def block(cls, norm, activation, epsilon, **options):
    return cls(D, 4, 24, norm=norm, activation=activation, layer_norm_epsilon=epsilon, **options)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_encoder_blocks_equal_torch(variant):
    layer = block(TransformerEncoderBlock, *variant)
    layer(SOURCE)
    randomised(layer)
    found = ops.convert_to_numpy(layer(SOURCE[:3], padding_mask=REAL))
    reference = torch_references.encoder_layer(layer)
    expected = reference(tensor(SOURCE[:3]), src_key_padding_mask=tensor(REAL) == 0).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_decoder_blocks_equal_torch(variant):
    layer = block(TransformerDecoderBlock, *variant)
    layer(TARGET, SOURCE)
    randomised(layer)
    found = ops.convert_to_numpy(layer(TARGET[:3], SOURCE[:3], source_padding_mask=REAL))
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
    layer = block(TransformerCausalBlock, *variant)
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
    layer = TransformerCausalBlock(64, 4, 256, initializer_stddev=0.1, residual_initializer_stddev=0.02)
    layer.build((None, None, 64))
    attention, feed_forward = layer.self_attention, layer.feed_forward
    for residual, other in (
        (attention.output_projection, attention.value),
        (feed_forward.contract, feed_forward.expand),
    ):
        ratio = np.std(ops.convert_to_numpy(residual.kernel)) / np.std(ops.convert_to_numpy(other.kernel))
        assert ratio == pytest.approx(0.2, rel=0.1)


def test_dropout_acts_in_training_only():
    for cls, inputs in (
        (TransformerEncoderBlock, (SOURCE,)),
        (TransformerDecoderBlock, (TARGET, SOURCE)),
        (TransformerCausalBlock, (TARGET,)),
    ):
        with_dropout = block(cls, "post", "relu", 1e-5, dropout=0.5, attention_dropout=0.5, activation_dropout=0.5)
        plain = block(cls, "post", "relu", 1e-5)
        for layer in (with_dropout, plain):
            layer(*inputs)
            randomised(layer)
        expected = ops.convert_to_numpy(plain(*inputs))
        np.testing.assert_array_equal(ops.convert_to_numpy(with_dropout(*inputs)), expected)
        assert np.abs(ops.convert_to_numpy(with_dropout(*inputs, training=True)) - expected).max() > 0.1


def test_an_unknown_norm_is_refused():
    with pytest.raises(UserError, match="norm must be one of post, pre, got 'none'"):
        TransformerEncoderBlock(D, 4, 24, norm="none")
