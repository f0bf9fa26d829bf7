"""Decoding step by step with a cache gives the logits of the whole sequence, by value."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from layer_harness import MODEL_CASES, SOURCE_MASK, B, T, built

every_model = pytest.mark.parametrize("case", MODEL_CASES, ids=[case.name for case in MODEL_CASES])


def whole_and_steps(case, num_hypotheses, spare_room, policy="float32"):
    """Logits [B * K, T, V] of different targets for each of a row's K hypotheses, at once and step by step."""
    model = built(case, policy)
    source_token_ids = case.inputs["inputs"]["source_token_ids"]
    targets = np.random.default_rng(8).integers(3, 23, size=(B * num_hypotheses, T)).astype("int32")
    whole = model(
        {
            "source_token_ids": np.repeat(source_token_ids, num_hypotheses, axis=0),
            "source_padding_mask": np.repeat(SOURCE_MASK, num_hypotheses, axis=0),
            "target_token_ids": targets,
        }
    )
    encoded = model.encode(source_token_ids, SOURCE_MASK)
    cache, cross_cache = model.start_cache(encoded, T + spare_room, num_hypotheses)
    steps = []
    for index in range(T):
        logits, cache = model.decode_step(
            ops.convert_to_tensor(targets[:, index]), ops.convert_to_tensor(index), cache, cross_cache, SOURCE_MASK
        )
        steps.append(ops.convert_to_numpy(logits))
    return ops.convert_to_numpy(whole), np.stack(steps, axis=1)


@every_model
@pytest.mark.parametrize("num_hypotheses", [1, 3])
def test_cached_equals_uncached(case, num_hypotheses):
    whole, steps = whole_and_steps(case, num_hypotheses, spare_room=num_hypotheses - 1)
    np.testing.assert_allclose(steps, whole, rtol=0, atol=1e-5)
    # The comparison is of different things in every row and at every position.
    assert np.abs(np.diff(whole, axis=0)).max(axis=(1, 2)).min() > 1e-2
    assert np.abs(np.diff(whole, axis=1)).max(axis=(0, 2)).min() > 1e-2


def test_cached_is_close_to_uncached_in_half_precision():
    for policy, tolerance in (("mixed_bfloat16", 0.06), ("mixed_float16", 0.01)):
        whole, steps = whole_and_steps(MODEL_CASES[0], 1, 0, policy)
        real = SOURCE_MASK.any(axis=1)
        assert np.abs(steps - whole)[real].max() / np.abs(whole[real]).max() < tolerance


def test_hypotheses_can_change_places():
    """Reordering the cache by a gather on its first axis, as beam search does, moves the hypotheses' pasts."""
    case = MODEL_CASES[0]
    model = built(case)
    encoded = model.encode(case.inputs["inputs"]["source_token_ids"], SOURCE_MASK)
    cache, cross_cache = model.start_cache(encoded, T, 2)
    past = ops.convert_to_tensor(np.arange(3, 3 + 2 * B, dtype="int32"))
    _, cache = model.decode_step(past, 0, cache, cross_cache, SOURCE_MASK)
    swapped_rows = np.arange(2 * B).reshape(B, 2)[:, ::-1].ravel()
    swapped = tuple(tuple(ops.take(part, swapped_rows, axis=0) for part in block) for block in cache)
    token_ids = ops.full((2 * B,), 5, dtype="int32")
    logits, _ = model.decode_step(token_ids, 1, cache, cross_cache, SOURCE_MASK)
    after, _ = model.decode_step(token_ids, 1, swapped, cross_cache, SOURCE_MASK)
    logits, after = ops.convert_to_numpy(logits), ops.convert_to_numpy(after)
    np.testing.assert_allclose(after, logits[swapped_rows], rtol=0, atol=1e-5)
    assert np.abs(after - logits).max() > 1e-2


def test_shapes_unknown_while_tracing():
    """One graph for every batch, source length and cache length, as exports need."""
    case = MODEL_CASES[0]
    model = built(case)
    ids = tf.TensorSpec([None, None], tf.int32)

    @tf.function(
        input_signature=[ids, ids, tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)], autograph=False
    )
    def first_step(source_token_ids, mask, token_ids, max_length):
        cache, cross_cache = model.start_cache(model.encode(source_token_ids, mask), max_length)
        return model.decode_step(token_ids, 0, cache, cross_cache, mask)[0]

    inputs = case.inputs["inputs"]
    whole = ops.convert_to_numpy(model(inputs))[:, 0]
    for rows, max_length in ((B, T), (2, 1)):
        found = first_step(
            inputs["source_token_ids"][:rows], SOURCE_MASK[:rows], inputs["target_token_ids"][:rows, 0], max_length
        )
        np.testing.assert_allclose(found.numpy(), whole[:rows], rtol=0, atol=1e-5)
