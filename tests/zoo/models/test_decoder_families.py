"""Configurations of the layers against transformers: rotary positions, grouped queries, windows, softcaps, norms."""

import functools

import keras
import numpy as np
import pytest
import torch
import transformers
from configured_decoder import HIDDEN_DIM, INTERMEDIATE_DIM, NUM_LAYERS, VOCABULARY, gemma2, gemma3, llama
from continued_prompts import continuations, whole_and_steps
from keras import ops

from zoo.errors import UserError
from zoo.layers import Attention, RMSNorm, RotaryPositions, TransformerBlock

SIZES = dict(
    vocab_size=VOCABULARY,
    hidden_size=HIDDEN_DIM,
    intermediate_size=INTERMEDIATE_DIM,
    num_hidden_layers=NUM_LAYERS,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    tie_word_embeddings=False,
    pad_token_id=0,
    rms_norm_eps=1e-6,
)
GEMMA = dict(head_dim=6, query_pre_attn_scalar=10, sliding_window=3)
LINEAR = dict(rope_type="linear", rope_theta=500.0, factor=4.0)
LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=100.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
)
YARN = dict(rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=32)
SLIDING = ["sliding_attention"]
IDS = np.random.default_rng(3).integers(1, VOCABULARY, size=(3, 12)).astype("int32")


def cases():
    """Yields name, class of the reference, its configuration and the function that makes ours."""
    llama_scaling = dict(
        kind="llama3", factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_max_length=32
    )
    yield "llama", "Llama", {}, llama
    for name, theirs, scaling in (
        ("linear", LINEAR, dict(kind="linear", factor=4.0)),
        ("llama3", LLAMA3, llama_scaling),
        ("yarn", YARN, dict(kind="yarn", factor=4.0, original_max_length=32)),
    ):
        ours = functools.partial(llama, theirs["rope_theta"], scaling)
        yield f"llama {name}", "Llama", dict(rope_parameters=theirs), ours
    yield "mistral", "Mistral", dict(sliding_window=3), functools.partial(llama, window=3)
    yield "qwen2", "Qwen2", {}, functools.partial(llama, use_bias=True, use_output_bias=False)
    yield "qwen3", "Qwen3", dict(head_dim=6), functools.partial(llama, dim=6, head_dim=6, qk_norm=True)
    partial = dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5)
    yield "phi3", "Phi3", dict(rope_parameters=partial), functools.partial(llama, dim=2)
    softcaps = dict(attn_logit_softcapping=1.5, final_logit_softcapping=2.0)
    layer_types = ["sliding_attention", "full_attention"] * 2
    yield "gemma2", "Gemma2", {**GEMMA, **softcaps, "layer_types": layer_types}, gemma2
    rope = {
        "sliding_attention": dict(rope_type="default", rope_theta=100.0),
        "full_attention": dict(rope_type="default", rope_theta=10000.0),
    }
    layer_types = ["sliding_attention"] * 3 + ["full_attention"]
    yield "gemma3", "Gemma3", {**GEMMA, "rope_parameters": rope, "layer_types": layer_types}, gemma3


CASES = {name: rest for name, *rest in cases()}


def noisy(reference):
    """The reference with random weights everywhere, in float64-free evaluation mode."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, weight in reference.named_parameters():
            weight.copy_(0.3 * torch.randn(weight.shape, generator=generator) + ("norm" in name))
    return reference.eval()


@functools.cache
def pair(name):
    """A random reference and our model with its weights."""
    family, options, make = CASES[name]
    configuration = getattr(transformers, f"{family}TextConfig" if family == "Gemma3" else f"{family}Config")
    model = getattr(transformers, f"{family}ForCausalLM")
    reference = noisy(model(configuration(**{**SIZES, **options}, attn_implementation="eager")))
    ours = make()
    ours.build()
    copy_weights(reference, ours)
    return reference, ours


def copy_weights(reference, ours):
    """Every weight of ours from the reference, and every weight of the reference into ours."""
    theirs = {name: weight.detach().numpy() for name, weight in reference.named_parameters()}

    def take(name, number=None, parts=None):
        array = theirs[name] if number is None else np.split(theirs[name], parts)[number]
        used.add(name)
        return array

    used, ours_set = set(), set()

    def assign(variable, array):
        variable.assign(array)
        ours_set.add(id(variable))

    def dense(layer, name, number=None, parts=None):
        assign(layer.kernel, take(f"{name}.weight", number, parts).T)
        if layer.bias is not None:
            assign(layer.bias, take(f"{name}.bias"))

    assign(ours.token_embedding.embeddings, take("model.embed_tokens.weight"))
    assign(ours.output_embedding.embeddings, take("lm_head.weight"))
    assign(ours.final_norm.scale, take("model.norm.weight"))
    for i, block in enumerate(ours.decoder_blocks):
        path, attention, network = f"model.layers.{i}", block.self_attention, block.feed_forward
        fused = f"{path}.self_attn.qkv_proj.weight" in theirs
        for number, part in enumerate(("query", "key", "value")):
            if fused:
                dense(getattr(attention, part), f"{path}.self_attn.qkv_proj", number, [16, 24])
            else:
                dense(getattr(attention, part), f"{path}.self_attn.{part[0]}_proj")
        dense(attention.output_projection, f"{path}.self_attn.o_proj")
        for number, part in enumerate(("gate", "up")):
            layer = getattr(network, f"{part}_projection")
            dense(layer, f"{path}.mlp.gate_up_proj", number, 2) if fused else dense(layer, f"{path}.mlp.{part}_proj")
        dense(network.down_projection, f"{path}.mlp.down_proj")
        norms = {"self_attention_norm": "input_layernorm", "feed_forward_norm": "post_attention_layernorm"}
        if block.order == "both":
            norms |= {
                "self_attention_output_norm": "post_attention_layernorm",
                "feed_forward_norm": "pre_feedforward_layernorm",
                "feed_forward_output_norm": "post_feedforward_layernorm",
            }
        for layer, name in norms.items():
            assign(getattr(block, layer).scale, take(f"{path}.{name}.weight"))
        if attention.query_norm is not None:
            assign(attention.query_norm.scale, take(f"{path}.self_attn.q_norm.weight"))
            assign(attention.key_norm.scale, take(f"{path}.self_attn.k_norm.weight"))
    assert used == theirs.keys()
    assert ours_set == {id(variable) for variable in ours.weights}


@pytest.mark.parametrize("name", CASES)
def test_whole_sequences_equal_transformers(name):
    reference, ours = pair(name)
    with torch.no_grad():
        expected = reference(torch.tensor(IDS, dtype=torch.long)).logits.numpy()
    found = ops.convert_to_numpy(ours({"token_ids": IDS}))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    assert np.abs(np.diff(expected, axis=1)).max() > 0.1


@pytest.mark.parametrize("as_searches", [False, True])
@pytest.mark.parametrize("name", ["llama llama3", "mistral", "phi3", "gemma2", "gemma3"])
@pytest.mark.parametrize("num_hypotheses", [1, 3])
def test_cached_equals_uncached(name, num_hypotheses, as_searches):
    """Prompts longer and shorter than the window, with padding, continued beyond it."""
    arguments = continuations([7, 0, 2], num_hypotheses, num_steps=6, seed=3)
    whole, steps = whole_and_steps(pair(name)[1], *arguments, spare_room=2, as_searches=as_searches)
    np.testing.assert_allclose(steps, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
    assert np.abs(np.diff(whole, axis=1)).max(axis=(0, 2)).min() > 1e-2


def test_packed_documents_are_alone():
    """Positions, masks and windows of each document are those that it has by itself."""
    model = pair("gemma3")[1]
    segment_ids = np.array([[1] * 5 + [2] * 7])
    packed = ops.convert_to_numpy(model({"token_ids": IDS[:1], "segment_ids": segment_ids}))
    for part in (slice(0, 5), slice(5, 12)):
        alone = ops.convert_to_numpy(model({"token_ids": IDS[:1, part]}))
        np.testing.assert_allclose(packed[:, part], alone, rtol=0, atol=1e-5 * np.abs(alone).max())


def test_the_path_that_drops_attends_alike():
    """A rate that drops nothing, so that what is used in training can be compared, with grouped heads and a window."""
    options = dict(num_key_value_heads=2, positions=RotaryPositions(4), window=3)
    layer, plain = Attention(HIDDEN_DIM, 4, **options, dropout=1e-7), Attention(HIDDEN_DIM, 4, **options)
    x = np.random.default_rng(5).normal(size=(2, 7, HIDDEN_DIM)).astype("float32")
    for each in (layer, plain):
        each.build(x.shape)
    plain.set_weights([weight for weight in layer.get_weights() if weight.dtype == np.float32])
    for causal in (False, True):
        found, expected = layer(x, causal=causal, training=True), plain(x, causal=causal)
        np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-5)


def test_blocks_of_modernbert():
    """Both ways with a window, no normalisation before the first attention, and none with a bias."""
    configuration = transformers.ModernBertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN_DIM,
        intermediate_size=INTERMEDIATE_DIM,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=4,
        local_attention=4,
        global_attn_every_n_layers=3,
        max_position_embeddings=64,
        pad_token_id=0,
        attn_implementation="eager",
    )
    reference = noisy(transformers.ModernBertModel(configuration))
    theirs = {name: weight.detach().numpy() for name, weight in reference.named_parameters()}
    ids, mask = torch.tensor(IDS, dtype=torch.long), np.arange(12) < np.array([[12], [7], [3]])
    with torch.no_grad():
        expected = reference(ids, attention_mask=torch.tensor(mask).long()).last_hidden_state.numpy()
        x = reference.embeddings(ids).numpy()
    for i in range(NUM_LAYERS):
        base, window = (160000.0, None) if i % 3 == 0 else (10000.0, 3)
        block = TransformerBlock(
            HIDDEN_DIM,
            dict(num_heads=4, use_bias=False, positions=RotaryPositions(4, base), window=window),
            dict(intermediate_dim=INTERMEDIATE_DIM, activation="gelu", gated=True, use_bias=False),
            order="pre",
            norm_bias=False,
            first_norm=i > 0,
        )
        block.build(x.shape)
        attention, network = block.self_attention, block.feed_forward
        for layer, kernel in zip(
            (attention.query, attention.key, attention.value),
            np.split(theirs[f"layers.{i}.attn.Wqkv.weight"], 3),
            strict=True,
        ):
            layer.kernel.assign(kernel.T)
        attention.output_projection.kernel.assign(theirs[f"layers.{i}.attn.Wo.weight"].T)
        gate, up = np.split(theirs[f"layers.{i}.mlp.Wi.weight"], 2)
        network.gate_projection.kernel.assign(gate.T)
        network.up_projection.kernel.assign(up.T)
        network.down_projection.kernel.assign(theirs[f"layers.{i}.mlp.Wo.weight"].T)
        if i > 0:
            block.self_attention_norm.gamma.assign(theirs[f"layers.{i}.attn_norm.weight"])
        block.feed_forward_norm.gamma.assign(theirs[f"layers.{i}.mlp_norm.weight"])
        x = block(x, padding_mask=mask)
    norm = keras.layers.LayerNormalization(epsilon=1e-5, center=False)
    norm.build(x.shape)
    norm.gamma.assign(theirs["final_norm.weight"])
    np.testing.assert_allclose(ops.convert_to_numpy(norm(x))[mask], expected[mask], rtol=0, atol=2e-5)


def test_half_precision_turns_and_normalises_closely():
    x = np.random.default_rng(6).normal(size=(2, 5, HIDDEN_DIM)).astype("float32")
    exact, half = RMSNorm(unit_offset=True), RMSNorm(unit_offset=True, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(half(x).dtype) == "bfloat16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(half(x), "float32")), ops.convert_to_numpy(exact(x)), rtol=0.02
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_key_value_heads=3), "num_heads must be a multiple of num_key_value_heads, got 4 and 3"),
        (dict(positions=RotaryPositions(6)), "rotary positions of 6 entries do not fit into heads of 4"),
        (dict(positions="rotary"), "positions must be RotaryPositions or None, got 'rotary'"),
        (dict(window=0), "window must be at least 1, got 0"),
    ],
)
def test_impossible_attentions_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Attention(HIDDEN_DIM, 4, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(dim=5), "must be even and at least 2, got 5"),
        (dict(dim=4, scaling=dict(kind="dynamic", factor=2.0)), "must be one of linear, llama3, yarn, got 'dynamic'"),
        (dict(dim=4, scaling=dict(kind="linear")), "'linear' of rotary positions lacks factor"),
        (dict(dim=4, scaling=dict(kind="linear", factor=2.0, beta=1)), "'linear' of rotary positions has no beta"),
    ],
)
def test_impossible_rotary_positions_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        RotaryPositions(**options)
