"""The whole encoder-decoder against PyTorch's layers and against transformers' Marian."""

import numpy as np
import pytest
import torch
import torch_references
import transformers
from keras import ops
from layer_harness import MODEL_CASES, SOURCE_MASK, B, D, S, T, V, built, call
from torch_references import hidden_positions, tensor

from zoo.errors import UserError
from zoo.layers import sinusoidal_table
from zoo.models import EncoderDecoder

CASES = {case.name: case for case in MODEL_CASES}
ROWS = SOURCE_MASK.any(axis=1)  # torch gives NaN where a row has no real position
SIZES = dict(hidden_dim=D, intermediate_dim=24, num_heads=4, num_encoder_layers=2, num_decoder_layers=2)


def embedded(model, embedding, positions, token_ids):
    table = positions.table if positions.kind == "learned" else sinusoidal_table(model.max_sequence_length, D)
    length = token_ids.shape[1]
    return tensor(embedding.embeddings)[tensor(token_ids).long()] * D**0.5 + tensor(table)[:length]


def torch_logits(model, source_token_ids, source_padding_mask, target_token_ids):
    """The Transformer put together from torch's encoder and decoder layers, written out."""
    ignored = tensor(source_padding_mask) == 0
    encoded = embedded(model, model.source_embedding, model.source_positions, source_token_ids)
    for block in model.encoder_blocks:
        encoded = torch_references.encoder_layer(block)(encoded, src_key_padding_mask=ignored)
    encoded = torch_references.layer_norm(model.encoder_norm)(encoded)
    x = embedded(model, model.target_embedding, model.target_positions, target_token_ids)
    for block in model.decoder_blocks:
        x = torch_references.decoder_layer(block)(
            x, encoded, tgt_mask=hidden_positions(x.shape[1]), memory_key_padding_mask=ignored
        )
    x = torch_references.layer_norm(model.decoder_norm)(x)
    return (x @ tensor(model.output_embedding.embeddings).T).detach().numpy()


@pytest.mark.parametrize("name", ["model_post_all", "model_pre_none"])
def test_logits_equal_torch(name):
    case = CASES[name]
    model = built(case)
    inputs = {key: value[ROWS] for key, value in case.inputs["inputs"].items()}
    np.testing.assert_allclose(call(case, model, {"inputs": inputs}), torch_logits(model, **inputs), rtol=0, atol=1e-5)


def marian(model):
    """`transformers.MarianMTModel` with the weights of a post-norm model whose embeddings are all tied."""
    config = transformers.MarianConfig(
        vocab_size=V,
        d_model=D,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        activation_function="relu",
        max_position_embeddings=model.max_sequence_length,
        scale_embedding=True,
        share_encoder_decoder_embeddings=True,
        pad_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    reference = transformers.MarianMTModel(config).eval()
    state = {"final_logits_bias": torch.zeros(1, V)}
    for name in ("model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"):
        state[f"{name}.weight"] = tensor(model.target_embedding.embeddings)
    for side, blocks in (("encoder", model.encoder_blocks), ("decoder", model.decoder_blocks)):
        # Marian's frequencies differ from fairseq's, so the table is handed over; its order is the same.
        table = torch.tensor(sinusoidal_table(model.max_sequence_length, D))
        state[f"model.{side}.embed_positions.weight"] = table
        for i, block in enumerate(blocks):
            parts = {"self_attn": block.self_attention, "encoder_attn": getattr(block, "cross_attention", None)}
            dense = {"fc1": block.feed_forward.up_projection, "fc2": block.feed_forward.down_projection}
            norms = {"self_attn_layer_norm": block.self_attention_norm, "final_layer_norm": block.feed_forward_norm}
            if side == "decoder":
                norms["encoder_attn_layer_norm"] = block.cross_attention_norm
            for part, layer in parts.items():
                if layer is not None:
                    dense[f"{part}.q_proj"], dense[f"{part}.k_proj"] = layer.query, layer.key
                    dense[f"{part}.v_proj"], dense[f"{part}.out_proj"] = layer.value, layer.output_projection
            for part, layer in dense.items():
                state[f"model.{side}.layers.{i}.{part}.weight"] = tensor(layer.kernel).T
                state[f"model.{side}.layers.{i}.{part}.bias"] = tensor(layer.bias)
            for part, layer in norms.items():
                state[f"model.{side}.layers.{i}.{part}.weight"] = tensor(layer.gamma)
                state[f"model.{side}.layers.{i}.{part}.bias"] = tensor(layer.beta)
    reference.load_state_dict(state, strict=True)
    return reference


def test_logits_equal_marian():
    case = CASES["model_post_all"]
    model = built(case)
    inputs = {key: value[ROWS] for key, value in case.inputs["inputs"].items()}
    with torch.no_grad():
        expected = marian(model)(
            input_ids=tensor(inputs["source_token_ids"]).long(),
            attention_mask=tensor(inputs["source_padding_mask"]).long(),
            decoder_input_ids=tensor(inputs["target_token_ids"]).long(),
        ).logits.numpy()
    np.testing.assert_allclose(call(case, model, {"inputs": inputs}), expected, rtol=0, atol=1e-5)


def test_the_tiny_size_has_the_published_number_of_parameters():
    """2.57M for Multi30k's 9,709 joint tokens (Wu et al. 2021)."""
    model = EncoderDecoder.from_size("tiny", source_vocabulary_size=9709, target_vocabulary_size=9709)
    model.build()
    assert round(sum(np.prod(w.shape) for w in model.trainable_weights) / 1e6, 2) == 2.57


def test_sizes_and_overrides():
    for size, numbers in EncoderDecoder.sizes.items():
        config = EncoderDecoder.from_size(size, source_vocabulary_size=9, target_vocabulary_size=9).get_config()
        assert config["num_encoder_layers"] == config["num_decoder_layers"] == numbers["num_decoder_layers"]
        assert config["hidden_dim"] == numbers["hidden_dim"] and config["num_heads"] == numbers["num_heads"]
    config = EncoderDecoder.from_size(
        "tiny", source_vocabulary_size=9, target_vocabulary_size=9, num_decoder_layers=1, norm="pre"
    ).get_config()
    assert (config["num_encoder_layers"], config["num_decoder_layers"], config["norm"]) == (4, 1, "pre")


@pytest.mark.parametrize(("tied", "tables"), [("all", 1), ("target", 2), ("none", 3)])
def test_tied_embeddings_are_one_weight(tied, tables):
    model = EncoderDecoder(V, V, **SIZES, tied_embeddings=tied)
    model.build()
    assert sum(weight.path.endswith("embeddings") for weight in model.weights) == tables


def test_the_summary_knows_every_shape():
    lines = []
    model = EncoderDecoder(V, V, **SIZES)
    model(CASES["model_post_all"].inputs["inputs"])
    model.summary(print_fn=lines.append, line_length=120)
    text = "\n".join(str(line) for line in lines)
    assert text.count(f"(None, None, {D})") == 7  # one embedding, two of positions, four blocks


def test_a_model_builds_itself_when_used_step_by_step():
    model = EncoderDecoder(V, V, **SIZES)
    inputs = CASES["model_post_all"].inputs["inputs"]
    mask = inputs["source_padding_mask"]
    encoded = model.encode(inputs["source_token_ids"], mask)
    weights = [ops.convert_to_numpy(weight) for weight in model.weights]
    logits, _ = model.decode_step(
        ops.convert_to_tensor(inputs["target_token_ids"][:, 0]), 0, *model.start_cache(encoded, 2), mask
    )
    whole = model(inputs)
    np.testing.assert_allclose(ops.convert_to_numpy(logits), ops.convert_to_numpy(whole)[:, 0], rtol=0, atol=1e-5)
    for before, after in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(before, ops.convert_to_numpy(after))
    assert whole.shape == (B, T, V) and encoded.shape == (B, S, D)


def test_impossible_configurations_are_refused():
    with pytest.raises(UserError, match="size must be one of tiny, small, base, big, got 'huge'"):
        EncoderDecoder.from_size("huge", source_vocabulary_size=9, target_vocabulary_size=9)
    with pytest.raises(UserError, match='tied_embeddings="all" needs one joint vocabulary, got 9 source and 8 target'):
        EncoderDecoder(9, 8, **SIZES)
    with pytest.raises(UserError, match="tied_embeddings must be one of all, target, none, got True"):
        EncoderDecoder(9, 9, **SIZES, tied_embeddings=True)
    model = EncoderDecoder(V, V, **SIZES, max_sequence_length=S - 1)
    with pytest.raises(UserError, match="a sequence of 6 tokens is longer than max_sequence_length 5"):
        model(CASES["model_post_all"].inputs["inputs"])
