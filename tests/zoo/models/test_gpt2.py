"""GPT-2 against transformers, its sizes, packed documents, and decoding after prompts by value."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
import transformers
from continued_prompts import VOCABULARY, continuations, whole_and_steps
from keras import ops
from layer_harness import GPT2_CASES, SEGMENT_IDS, SOURCE_MASK, B, D, S, V, built, call
from torch_references import tensor

from zoo.errors import UserError
from zoo.models import GPT2

CASES = {case.name: case for case in GPT2_CASES}
TOKEN_IDS = CASES["gpt2_tied"].inputs["inputs"]["token_ids"]
SIZES = dict(hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=1, max_sequence_length=5)
# The number of parameters of each published checkpoint.
PARAMETERS = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200}


def numpy(value):
    return ops.convert_to_numpy(value)


def reference_of(model, activation):
    """`transformers.GPT2LMHeadModel` with the weights of a model."""
    config = model.get_config()
    reference = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=V,
            n_embd=D,
            n_inner=config["intermediate_dim"],
            n_head=config["num_heads"],
            n_layer=config["num_layers"],
            n_positions=config["max_sequence_length"],
            activation_function=activation,
            layer_norm_epsilon=config["layer_norm_epsilon"],
            tie_word_embeddings=config["tied_embeddings"],
            bos_token_id=0,
            eos_token_id=0,
        )
    ).eval()
    state = {
        "transformer.wte.weight": tensor(model.token_embedding.embeddings),
        "transformer.wpe.weight": tensor(model.position_embedding.table),
        "lm_head.weight": tensor(model.output_embedding.embeddings),
    }
    norms, dense = {"ln_f": model.final_norm}, {}
    for i, block in enumerate(model.decoder_blocks):
        norms |= {f"h.{i}.ln_1": block.self_attention_norm, f"h.{i}.ln_2": block.feed_forward_norm}
        dense[f"h.{i}.attn.c_proj"] = block.self_attention.output_projection
        dense |= {
            f"h.{i}.mlp.c_fc": block.feed_forward.up_projection,
            f"h.{i}.mlp.c_proj": block.feed_forward.down_projection,
        }
        parts = (block.self_attention.query, block.self_attention.key, block.self_attention.value)
        state[f"transformer.h.{i}.attn.c_attn.weight"] = torch.cat([tensor(part.kernel) for part in parts], dim=1)
        state[f"transformer.h.{i}.attn.c_attn.bias"] = torch.cat([tensor(part.bias) for part in parts])
    layers = {name: (layer.gamma, layer.beta) for name, layer in norms.items()}
    layers |= {name: (layer.kernel, layer.bias) for name, layer in dense.items()}
    for name, (weight, bias) in layers.items():
        state[f"transformer.{name}.weight"], state[f"transformer.{name}.bias"] = tensor(weight), tensor(bias)
    reference.load_state_dict(state, strict=True)
    return reference


@pytest.mark.parametrize(("name", "activation"), [("gpt2_tied", "gelu_new"), ("gpt2_untied", "relu")])
def test_logits_equal_transformers(name, activation):
    model = built(CASES[name])
    with torch.no_grad():
        reference = reference_of(model, activation)
        expected = reference(
            input_ids=tensor(TOKEN_IDS).long(), attention_mask=tensor(SOURCE_MASK).long()
        ).logits.numpy()
    real = SOURCE_MASK == 1
    np.testing.assert_allclose(call(CASES[name], model)[real], expected[real], rtol=0, atol=1e-5)
    assert np.abs(np.diff(expected, axis=1)).max(axis=(0, 2)).min() > 1e-2


def test_packed_documents_are_read_as_if_alone():
    model = built(CASES["gpt2_packed"])
    packed = call(CASES["gpt2_packed"], model)
    compared = 0
    for row, segments in enumerate(SEGMENT_IDS):
        for segment in set(segments) - {0}:
            where = segments == segment
            alone = numpy(model({"token_ids": TOKEN_IDS[row : row + 1, where]}))[0]
            np.testing.assert_allclose(packed[row, where], alone, rtol=0, atol=1e-5)
            compared += len(alone)
    assert compared == np.count_nonzero(SEGMENT_IDS) == 11
    whole = numpy(model({"token_ids": TOKEN_IDS}))
    assert np.abs(packed - whole)[SEGMENT_IDS > 1].max() > 1e-2


def test_sizes_and_overrides():
    """Numbers of parameters by a formula, which counts a small model right too."""

    def parameters(vocabulary_size, max_sequence_length, hidden_dim, intermediate_dim, num_layers):
        block = 4 * hidden_dim**2 + 2 * hidden_dim * intermediate_dim + 9 * hidden_dim + intermediate_dim
        return hidden_dim * (vocabulary_size + max_sequence_length + 2) + num_layers * block

    keys = ("vocabulary_size", "max_sequence_length", "hidden_dim", "intermediate_dim", "num_layers")
    assert GPT2.sizes.keys() == PARAMETERS.keys()
    for size, expected in PARAMETERS.items():
        config = {**GPT2(**SIZES).get_config(), **GPT2.sizes[size], "max_sequence_length": 1024}
        assert parameters(*(config[key] for key in keys)) == expected
    model = GPT2.from_size("medium", num_layers=1, vocabulary_size=11, hidden_dim=32)
    model.build()
    config = model.get_config()
    assert (config["num_heads"], config["intermediate_dim"], config["max_sequence_length"]) == (16, 4096, 1024)
    assert parameters(*(config[key] for key in keys)) == sum(math.prod(w.shape) for w in model.trainable_weights)
    assert GPT2.from_size("xl", num_layers=1).get_config()["vocabulary_size"] == 50257


def test_initial_weights():
    """The standard deviation of a normal that is cut off at two of its own is 0.88 of it."""
    keras.utils.set_random_seed(3)
    model = GPT2(300, hidden_dim=64, intermediate_dim=256, num_heads=4, num_layers=8, max_sequence_length=200)
    model.build()
    block = model.decoder_blocks[7]
    for weight in (model.token_embedding.embeddings, model.position_embedding.table, block.self_attention.key.kernel):
        assert np.std(numpy(weight)) == pytest.approx(0.88 * 0.02, rel=0.05)
    for layer in (block.self_attention.output_projection, block.feed_forward.down_projection):
        assert np.std(numpy(layer.kernel)) == pytest.approx(0.88 * 0.02 / 4, rel=0.05)
        assert not numpy(layer.bias).any()


@pytest.mark.parametrize("name", ["gpt2_tied", "gpt2_untied"])
@pytest.mark.parametrize("num_hypotheses", [1, 3])
@pytest.mark.parametrize("prompt_lengths", [(4, 1, 0, 3), (0, 0)], ids=str)
def test_cached_equals_uncached(name, num_hypotheses, prompt_lengths):
    model = built(CASES[name])
    given = continuations(prompt_lengths, num_hypotheses)
    whole, steps = whole_and_steps(model, *given, spare_room=num_hypotheses - 1)
    np.testing.assert_allclose(steps, whole, rtol=0, atol=1e-5)
    assert steps.dtype == np.float32
    # The comparison is of different things in every row and at every position.
    assert np.abs(np.diff(whole, axis=0)).max(axis=(1, 2)).min() > 1e-2
    assert np.abs(np.diff(whole, axis=1)).max(axis=(0, 2)).min() > 1e-2
    in_search = whole_and_steps(model, *given, spare_room=num_hypotheses - 1, as_searches=True)[1]
    np.testing.assert_allclose(in_search, steps, rtol=0, atol=1e-5)


def test_a_row_alone_gives_what_it_gives_in_a_batch():
    model = built(CASES["gpt2_tied"])
    prompts, mask, targets = continuations((4, 1, 0, 3), 3)
    together = whole_and_steps(model, prompts, mask, targets)[1]
    for row, length in enumerate(mask.sum(axis=1)):
        rows = slice(row, row + 1)
        hypotheses = slice(3 * row, 3 * row + 3)
        alone = whole_and_steps(model, prompts[rows, :length], mask[rows, :length], targets[hypotheses])[1]
        np.testing.assert_allclose(alone, together[hypotheses], rtol=0, atol=1e-5)


def test_cached_is_close_to_uncached_in_half_precision():
    for policy, tolerance in (("mixed_bfloat16", 0.06), ("mixed_float16", 0.01)):
        model = built(CASES["gpt2_tied"], policy)
        whole, steps = whole_and_steps(model, *continuations((4, 1, 0, 3), 2), as_searches=True)
        assert 0 < np.abs(steps - whole).max() / np.abs(whole).max() < tolerance
        cache = model.start_cache(3, 4)
        assert cache[0][0].dtype == model.output_matrix().dtype == policy.removeprefix("mixed_")


def test_hypotheses_can_change_places():
    """Reordering the cache by a gather on its first axis, as beam search does, moves the hypotheses' pasts."""
    model = built(CASES["gpt2_tied"])
    prompts, mask, targets = continuations((4, 1, 0, 3), 2)
    prompt_cache = model.prefill(prompts, mask)
    _, cache = model.decode_step(targets[:, 0], 0, model.start_cache(8, 2), prompt_cache, mask)
    swapped_rows = np.arange(8).reshape(4, 2)[:, ::-1].ravel()
    swapped = tuple(tuple(ops.take(part, swapped_rows, axis=0) for part in block) for block in cache)
    token_ids = ops.full((8,), 5, dtype="int32")
    logits, _ = model.decode_step(token_ids, 1, cache, prompt_cache, mask)
    after, _ = model.decode_step(token_ids, 1, swapped, prompt_cache, mask)
    np.testing.assert_allclose(numpy(after), numpy(logits)[swapped_rows], rtol=0, atol=1e-5)
    assert np.abs(numpy(after) - numpy(logits)).max() > 1e-2


def test_rows_that_have_ended_may_be_carried_beyond_the_last_position():
    model = built(CASES["gpt2_tied"])
    prompts, mask, targets = continuations((9, 2), num_steps=8)
    prompt_cache, cache = model.prefill(prompts, mask), model.start_cache(2, 8)
    for index in range(8):
        logits, cache = model.decode_step(targets[:, index], index, cache, prompt_cache, mask)
        assert np.isfinite(numpy(logits)).all()
    alone = numpy(model({"token_ids": np.concatenate([prompts[1:, :2], targets[1:]], axis=1)}))
    np.testing.assert_allclose(numpy(logits)[1], alone[0, -1], rtol=0, atol=1e-5)


def test_shapes_unknown_while_tracing():
    """One graph for every batch, prompt length, also 0, and cache length, as exports need."""
    model = built(CASES["gpt2_tied"])
    ids, number = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([], tf.int32)

    @tf.function(input_signature=[ids, ids, tf.TensorSpec([None], tf.int32), number, number], autograph=False)
    def first_step(prompts, mask, token_ids, num_rows, max_length):
        cache = model.start_cache(num_rows, max_length)
        return model.decode_step(token_ids, 0, cache, model.prefill(prompts, mask), mask, model.output_matrix())

    for lengths, num_hypotheses, max_length in (((4, 1, 0, 3), 1, 3), ((0, 0), 2, 1), ((2,), 3, 2)):
        prompts, mask, targets = continuations(lengths, num_hypotheses, num_steps=1)
        expected = whole_and_steps(model, prompts, mask, targets)[0][:, 0]
        found, cache = first_step(prompts, mask, targets[:, 0], len(targets), max_length)
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-5)
        assert cache[1][0].shape == (len(targets), 4, max_length, D // 4)


def test_what_a_step_is_made_of():
    """Plain matrix products with the weights, and no copy of a cache or table in another order."""
    model = built(CASES["gpt2_tied"])
    part = tf.TensorSpec([None, 4, None, D // 4])
    cache = ((part, part),) * 2
    ids, matrix = tf.TensorSpec([None], tf.int32), tf.TensorSpec([D, V])
    step = tf.function(model.decode_step, autograph=False).get_concrete_function(
        ids, tf.TensorSpec([], tf.int32), cache, cache, tf.TensorSpec([None, None], tf.int32), matrix
    )
    types = [operation.type for operation in step.graph.get_operations()]
    assert types.count("MatMul") == 2 * 6 + 1
    assert "Transpose" not in types and "Tile" not in types
    # With the prompts in the cache attention takes two products a block in place of four.
    in_line = tf.function(model.decode_step, autograph=False).get_concrete_function(
        ids, tf.TensorSpec([], tf.int32), cache, None, tf.TensorSpec([None, None], tf.int32), matrix
    )
    fewer = [operation.type for operation in in_line.graph.get_operations()]
    assert fewer.count("BatchMatMulV3") == 2 * 2 and fewer.count("MatMul") == 2 * 6 + 1
    assert types.count("Einsum") == 2 * 2 and "Einsum" not in fewer and len(fewer) < len(types) - 2 * 50


def test_a_model_builds_itself_when_used_step_by_step():
    model = GPT2(VOCABULARY, **SIZES)
    prompt_cache = model.prefill(np.array([[5, 6]]), np.array([[1, 1]]))
    weights = [numpy(weight) for weight in model.weights]
    logits, _ = model.decode_step(np.array([7]), 0, model.start_cache(1, 2), prompt_cache, np.array([[1, 1]]))
    whole = model({"token_ids": np.array([[5, 6, 7]])})
    np.testing.assert_allclose(numpy(logits), numpy(whole)[:, -1], rtol=0, atol=1e-5)
    for before, after in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(before, numpy(after))
    assert GPT2(VOCABULARY, **SIZES).output_matrix().shape == (8, VOCABULARY)


def test_tied_embeddings_are_one_weight():
    for tied, tables in ((True, 1), (False, 2)):
        model = GPT2(VOCABULARY, **SIZES, tied_embeddings=tied)
        model.build()
        assert sum(weight.path.endswith("embeddings") for weight in model.weights) == tables


def test_rates_of_dropout():
    model = GPT2(VOCABULARY, **SIZES, dropout=0.2, attention_dropout=0.3, embedding_dropout=0.0)
    block = model.decoder_blocks[0]
    assert (model.dropout.rate, block.dropout.rate, block.self_attention.dropout.rate) == (0.0, 0.2, 0.3)
    assert GPT2(VOCABULARY, **SIZES, dropout=0.2).dropout.rate == 0.2


def test_impossible_configurations_are_refused():
    with pytest.raises(UserError, match="size must be one of small, medium, large, xl, got 'huge'"):
        GPT2.from_size("huge")
    with pytest.raises(UserError, match=r"activation must be one of relu, gelu, .*, got 'mish'"):
        GPT2(VOCABULARY, **SIZES, activation="mish")
    with pytest.raises(UserError, match="hidden_dim must be a multiple of num_heads, got 8 and 3"):
        GPT2(VOCABULARY, **{**SIZES, "num_heads": 3})
    for inputs in ({}, {"segment_ids": SEGMENT_IDS}):
        with pytest.raises(UserError, match=f"a sequence of {S} tokens is longer than max_sequence_length 5"):
            GPT2(V, **SIZES)({"token_ids": TOKEN_IDS, **inputs})
    assert TOKEN_IDS.shape == (B, S)
