"""Encoder and decoder blocks against PyTorch's."""

import numpy as np
import pytest
import torch_references
from keras import ops
from layer_harness import SOURCE, SOURCE_MASK, TARGET, D, T, randomised
from torch_references import hidden_positions, tensor

from zoo.errors import UserError
from zoo.layers import TransformerDecoderBlock, TransformerEncoderBlock

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


def test_dropout_acts_in_training_only():
    for cls, inputs in ((TransformerEncoderBlock, (SOURCE,)), (TransformerDecoderBlock, (TARGET, SOURCE))):
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
