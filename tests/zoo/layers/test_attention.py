"""Attention against torch.nn.MultiheadAttention, and single steps against whole sequences."""

import keras
import numpy as np
import pytest
import torch_references
from keras import ops
from layer_harness import ATTENTION_MASK, SOURCE, SOURCE_MASK, TARGET, B, D, T, randomised
from torch_references import hidden_positions, tensor

from zoo.errors import UserError
from zoo.layers import Attention
from zoo.layers.key_value_cache import decode_position

VISIBLE = SOURCE_MASK.astype(bool)[:, None, None]
REAL = SOURCE_MASK[:3]  # the last row has no real position: torch gives NaN there


def attention(**options):
    layer = Attention(D, num_heads=4, **options)
    layer.build((None, None, D))
    return randomised(layer)


def reference_output(layer, query, key_value, padding_mask=None, causal=False):
    reference = torch_references.attention(layer, key_value.shape[-1] if key_value.shape[-1] != D else None)
    output, _ = reference(
        tensor(query),
        tensor(key_value),
        tensor(key_value),
        key_padding_mask=None if padding_mask is None else tensor(padding_mask) == 0,
        attn_mask=hidden_positions(query.shape[1]) if causal else None,
    )
    return output.detach().numpy()


def assert_close(found, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("mask_dtype", ["bool", "int32"])
def test_self_attention_equals_torch(causal, padded, mask_dtype):
    layer, x = attention(), SOURCE[:3]
    mask = REAL.astype(mask_dtype) if padded else None
    assert_close(layer(x, padding_mask=mask, causal=causal), reference_output(layer, x, x, mask, causal))


def test_cross_attention_equals_torch_also_for_keys_of_another_width():
    for width in (D, 10):
        layer = Attention(D, num_heads=4)
        encoded = SOURCE[:3, :, :width]
        layer(TARGET[:3], encoded)
        randomised(layer)
        found = layer(TARGET[:3], encoded, padding_mask=REAL)
        assert_close(found, reference_output(layer, TARGET[:3], encoded, REAL))


@pytest.mark.parametrize("causal", [False, True])
def test_the_path_with_dropout_attends_alike(causal):
    """A rate that drops nothing, so that the path taken in training can be compared."""
    layer, x = attention(dropout=1e-7), SOURCE[:3]
    found = layer(x, padding_mask=REAL, causal=causal, training=True)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), reference_output(layer, x, x, REAL, causal), rtol=0, atol=2e-5
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_a_mask_of_pairs_of_positions(causal, training):
    """Row by row against torch, with padding on top, with and without the path that drops out."""
    layer, real = attention(dropout=1e-7), np.array([[1] * T, [1] * 3 + [0] * 2, [1] * T, [1] * T])
    found = layer(
        TARGET, padding_mask=real, attention_mask=ATTENTION_MASK.astype(bool), causal=causal, training=training
    )
    reference = torch_references.attention(layer)
    for row, (mask, x) in enumerate(zip(ATTENTION_MASK * real[:, None], TARGET, strict=True)):
        # A position that sees nothing at all has no meaning, and is NaN in torch.
        permitted = np.tril(mask) if causal else mask
        x, seeing = tensor(x[None]), permitted.any(axis=1)
        expected, _ = reference(x, x, x, attn_mask=tensor(permitted) == 0)
        np.testing.assert_allclose(
            ops.convert_to_numpy(found)[row, seeing], expected.detach().numpy()[0, seeing], rtol=0, atol=2e-5
        )


def test_dropout_acts_on_weights_and_in_training_only():
    keras.utils.set_random_seed(1)
    layer = attention(dropout=0.5)
    assert_close(layer(SOURCE, training=False), reference_output(layer, SOURCE, SOURCE))
    # With one key its weight is 1, so dropout leaves or removes the whole value of a head: 0 or doubled.
    query, one_key = TARGET[:, :1], SOURCE[:, :1]
    layer.output_projection.kernel.assign(np.eye(D))
    layer.output_projection.bias.assign(np.zeros(D))
    values = ops.convert_to_numpy(layer.value(one_key))
    factors = ops.convert_to_numpy(layer(query, one_key, training=True)) / values
    assert set(np.round(factors.ravel(), 3)) == {0.0, 2.0}
    assert (np.ptp(factors.reshape(B, 4, D // 4), axis=-1) < 1e-3).all()


def test_steps_equal_causal_attention_over_the_whole():
    layer = attention()
    whole = ops.convert_to_numpy(layer(TARGET, causal=True))
    cache = layer.empty_cache(B, T + 3)
    for index in range(T):
        position = decode_position(cache[0], ops.convert_to_tensor(index, "int32"))
        found, cache = layer.step(TARGET[:, index], cache, position)
        assert_close(found, whole[:, index])
        for part in cache:
            assert not ops.convert_to_numpy(part)[:, :, index + 1 :].any()
    keys, values = (ops.convert_to_numpy(part)[:, :, :T] for part in cache)
    for found, expected in zip((keys, values), layer.keys_and_values(TARGET), strict=True):
        assert_close(found, ops.convert_to_numpy(expected))


def test_what_the_cache_holds_beyond_the_index_has_no_influence():
    layer = attention()
    rng = np.random.default_rng(2)
    garbage = [ops.convert_to_tensor(rng.normal(0, 50, (B, 4, T, D // 4)), "float32") for _ in range(2)]
    found, _ = layer.step(TARGET[:, 0], tuple(garbage), decode_position(garbage[0], 0))
    assert_close(found, ops.convert_to_numpy(layer(TARGET[:, :1]))[:, 0])


def test_attention_to_cached_keys_equals_cross_attention():
    layer = attention()
    # The positions of the target serve as hypotheses that share a source.
    hypotheses = ops.reshape(TARGET, (-1, D))
    found = ops.reshape(layer.attend_cached(hypotheses, layer.keys_and_values(SOURCE), VISIBLE), (B, T, D))
    assert_close(found, ops.convert_to_numpy(layer(TARGET, SOURCE, padding_mask=SOURCE_MASK)))
    # In float32 a row without a real position takes the mean of all values.
    mean = ops.mean(layer.value(SOURCE), axis=1, keepdims=True)
    expected = np.repeat(ops.convert_to_numpy(layer.output_projection(mean))[3:], T, axis=1)
    assert_close(found[3:], expected)


def test_impossible_head_counts_are_refused():
    for num_heads in (0, 3, -4):
        with pytest.raises(UserError, match=f"hidden_dim must be a multiple of num_heads, got 16 and {num_heads}"):
            Attention(16, num_heads)


def test_torch_is_an_independent_reference():
    """The reference reacts to the weights copied into it, so that agreement means something."""
    layer = attention()
    before = reference_output(layer, SOURCE, SOURCE)
    layer.key.kernel.assign(layer.key.kernel * 1.1)
    assert np.abs(reference_output(layer, SOURCE, SOURCE) - before).max() > 1e-3
