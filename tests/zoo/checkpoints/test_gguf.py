"""GGUF files written with the package gguf as llama.cpp's converter lays them out, beside transformers."""

import keras
import numpy as np
import pytest
import tiny_language_models
from tiny_language_models import VOCABULARY, reference

import zoo
from zoo.checkpoints.gguf_files import is_gguf, load_gguf
from zoo.errors import UserError

gguf = pytest.importorskip("gguf")
tokenizers = pytest.importorskip("tokenizers")
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def name_in_gguf(name):
    if name in NAMES:
        return NAMES[name]
    _, _, layer, *middle, last = name.split(".")
    return f"blk.{layer}.{NAMES['.'.join(middle)]}.{last}"


def interleaved(values, heads):
    """Rows of a head's queries or keys in llama.cpp's order: entries i and i + K / 2 next to each other."""
    rows = values.shape[0] // heads
    order = np.arange(rows).reshape(2, rows // 2).T.reshape(-1)
    return values.reshape(heads, rows, *values.shape[1:])[:, order].reshape(values.shape)


def write_gguf(path, model, architecture, kind, tokenizer=None, **further):
    """Writes a model; its own matrices become those that the file gives back."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if tokenizer is not None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_token_list(tokenizer)
        writer.add_token_types([3 if token.startswith("<") and len(token) > 1 else 1 for token in tokenizer])
        writer.add_token_merges(["l o"])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_add_bos_token(True)
    for key, value in further.items():
        writer.add_uint32(f"{architecture}.{key.replace('__', '.')}", value)
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        stored = values if values.ndim == 1 else gguf.quantize(values, kind)
        with torch.no_grad():
            if values.ndim == 2:
                parameter.copy_(torch.tensor(gguf.dequantize(stored, kind)))
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        if heads and architecture == "llama":
            stored = interleaved(values, heads)
            stored = stored if values.ndim == 1 else gguf.quantize(stored, kind)
        writer.add_tensor(name_in_gguf(name), stored, raw_dtype=None if values.ndim == 1 else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("name", "architecture", "kind"),
    [
        ("llama", "llama", "F32"),
        ("llama", "llama", "Q8_0"),
        ("llama", "llama", "Q4_1"),
        ("mistral_everything", "llama", "BF16"),
        ("qwen3", "qwen3", "F16"),
    ],
)
def test_logits_are_those_of_transformers(name, architecture, kind, tmp_path):
    theirs, path = reference(name), tmp_path / "model.gguf"
    write_gguf(path, theirs, architecture, gguf.GGMLQuantizationType[kind])
    assert is_gguf(path)
    found = load_gguf(path)
    token_ids = np.random.default_rng(7).integers(3, VOCABULARY, size=(2, 21))
    with torch.no_grad():
        expected = theirs(torch.tensor(token_ids)).logits.numpy()
    ours = keras.ops.convert_to_numpy(found.model({"token_ids": token_ids}))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert found.kind == "language_model" and found.family == architecture


def test_what_cannot_be_followed_is_refused(tmp_path):
    theirs, path = reference("llama"), tmp_path / "model.gguf"
    write_gguf(path, theirs, "llama", gguf.GGMLQuantizationType.F32, expert_count=4)
    with pytest.raises(UserError, match=r"model\.gguf: llama\.expert_count 4 is not supported"):
        load_gguf(path)
    write_gguf(path, theirs, "llama", gguf.GGMLQuantizationType.F32, attention__sliding_window=4)
    with pytest.raises(UserError, match=r"llama\.attention\.sliding_window 4 is not supported"):
        load_gguf(path)
    write_gguf(path, theirs, "llama", gguf.GGMLQuantizationType.F32, attention__value_length=16)
    with pytest.raises(UserError, match=r"llama\.attention\.value_length 16 is not supported"):
        load_gguf(path)
    write_gguf(path, theirs, "falcon", gguf.GGMLQuantizationType.F32)
    with pytest.raises(UserError, match=r"general\.architecture 'falcon' is not supported; supported are llama"):
        load_gguf(path)
    with pytest.raises(UserError, match="is no 'encoder'"):
        load_gguf(path, kind="encoder")
    path.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(UserError, match=r"model\.gguf is damaged or no GGUF file"):
        load_gguf(path)


def test_a_file_is_loaded_as_a_text_generator(tmp_path, monkeypatch):
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<pad>", "<s>", "</s>", *alphabet, "lo"]
    monkeypatch.setitem(tiny_language_models._SIZES, "vocab_size", len(tokens))
    theirs, path = reference("llama"), tmp_path / "model.gguf"
    write_gguf(path, theirs, "llama", gguf.GGMLQuantizationType.F32, tokens)
    generator = zoo.load(path)
    prompts = ["lol", "x 1</s>"]
    found = generator(prompts, max_new_tokens=6)
    for prompt, text in zip(prompts, found, strict=True):
        ids = [1, *generator.tokenizer.encode([prompt]).to_list()[0]]
        with torch.no_grad():
            whole = theirs.generate(torch.tensor([ids]), max_new_tokens=6, do_sample=False, eos_token_id=2)
        expected = generator.tokenizer.decode([whole[0, len(ids) :].tolist()]).numpy()[0].decode()
        assert text == expected
