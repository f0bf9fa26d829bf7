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
transformers = pytest.importorskip("transformers")

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


FOUR_NORMS = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
JOINT = {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}


def name_in_gguf(name, architecture):
    names = {**NAMES, **(FOUR_NORMS if architecture.startswith("gemma") else JOINT if architecture == "phi3" else {})}
    if name in names:
        return names[name]
    _, _, layer, *middle, last = name.split(".")
    return f"blk.{layer}.{names['.'.join(middle)]}.{last}"


def interleaved(values, heads):
    """Rows of a head's queries or keys in llama.cpp's order: entries i and i + K / 2 next to each other."""
    rows = values.shape[0] // heads
    order = np.arange(rows).reshape(2, rows // 2).T.reshape(-1)
    return values.reshape(heads, rows, *values.shape[1:])[:, order].reshape(values.shape)


def write_gguf(path, model, architecture, kind, tokenizer=None, **further):
    """Writes a model; its own matrices become those that the file gives back."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if getattr(config, "head_dim", None) and architecture != "phi3":
        writer.add_key_length(config.head_dim)
    rotary = config.rope_parameters
    if architecture == "gemma3":
        rotary = rotary["full_attention"]
        if rotary["rope_type"] == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rotary["factor"])
    if architecture != "gemma2":
        writer.add_rope_freq_base(rotary["rope_theta"])
    if architecture.startswith("gemma"):
        writer.add_value_length(config.head_dim)
        for key in ("attn_logit_softcapping", "final_logit_softcapping"):
            if getattr(config, key):
                writer.add_float32(f"{architecture}.{key}", getattr(config, key))
    if architecture.startswith("gemma") or architecture == "phi3":
        writer.add_sliding_window(config.sliding_window or 0)
    if architecture == "phi3":
        width = config.hidden_size // config.num_attention_heads
        writer.add_rope_dimension_count(int(rotary.get("partial_rotary_factor", 1.0) * width))
        writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
    if rotary["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config))
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
        if architecture.startswith("gemma") and values.ndim == 1:
            values = values + 1
        stored = values if values.ndim == 1 else gguf.quantize(values, kind)
        with torch.no_grad():
            if values.ndim == 2:
                parameter.copy_(torch.tensor(gguf.dequantize(stored, kind)))
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        if heads and architecture in ("llama", "smollm3"):
            stored = interleaved(values, heads)
            stored = stored if values.ndim == 1 else gguf.quantize(stored, kind)
        writer.add_tensor(name_in_gguf(name, architecture), stored, raw_dtype=None if values.ndim == 1 else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama3_divisors(config):
    """What llama.cpp's converter writes for these positions: it divides frequencies, float32 [K / 2]."""
    rotary, found = config.rope_parameters, []
    length, low, high = (
        rotary[key] for key in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor")
    )
    for place in range(0, config.head_dim, 2):
        wave = 2 * np.pi * rotary["rope_theta"] ** (place / config.head_dim)
        smooth = np.clip((length / wave - low) / (high - low), 0, 1)
        found.append(1 / ((1 - smooth) / rotary["factor"] + smooth))
    return np.array(found, "float32")


LLAMA31 = dict(
    rope_type="llama3",
    rope_theta=500000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=8192,
)
# Scales of attention that no file says: all programs take the width of a head.
GEMMA = dict(head_dim=8, query_pre_attn_scalar=8, sliding_window=5)


@pytest.mark.parametrize(
    ("name", "architecture", "kind", "changes"),
    [
        ("llama", "llama", "F32", {}),
        ("llama", "llama", "Q8_0", {}),
        ("llama", "llama", "Q4_1", {}),
        ("llama_scaled", "llama", "F32", dict(rope_parameters=LLAMA31, head_dim=16)),
        ("mistral_everything", "llama", "BF16", {}),
        ("qwen2", "qwen2", "F32", {}),
        ("qwen3", "qwen3", "F16", {}),
        ("smollm3", "smollm3", "F32", dict(num_hidden_layers=5, no_rope_layer_interval=4)),
        ("gemma2", "gemma2", "F32", dict(GEMMA, attn_logit_softcapping=2.0, num_hidden_layers=4)),
        ("gemma3_scaled", "gemma3", "F32", dict(GEMMA, layer_types=None, num_hidden_layers=7)),
        ("phi3", "phi3", "F32", dict(max_position_embeddings=64, original_max_position_embeddings=64)),
        ("phi3_windows", "phi3", "F32", dict(max_position_embeddings=64, original_max_position_embeddings=64)),
    ],
)
def test_logits_are_those_of_transformers(name, architecture, kind, changes, tmp_path):
    if architecture == "gemma3":
        local = dict(rope_type="default", rope_theta=10000.0)
        full = dict(rope_type="linear", rope_theta=1e6, factor=8.0)
        changes = dict(changes, rope_parameters=dict(sliding_attention=local, full_attention=full))
    theirs, path = reference(name, **changes), tmp_path / "model.gguf"
    if architecture == "smollm3":
        assert theirs.config.no_rope_layers == [1, 1, 1, 0, 1]
    write_gguf(path, theirs, architecture, gguf.GGMLQuantizationType[kind])
    assert is_gguf(path)
    found = load_gguf(path)
    token_ids = np.random.default_rng(7).integers(3, VOCABULARY, size=(2, 21))
    with torch.no_grad():
        expected = theirs(torch.tensor(token_ids)).logits.numpy()
    ours = keras.ops.convert_to_numpy(found.model({"token_ids": token_ids}))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert found.kind == "language_model" and found.family == theirs.config.model_type.replace("mistral", "llama")


@pytest.mark.parametrize(("name", "architecture"), [("qwen2", "qwen2"), ("gemma2", "gemma2"), ("phi3", "phi3")])
def test_transformers_reads_the_same_weights_from_these_files(name, architecture, tmp_path):
    """The files that these tests write are what others take for one: their names, and what 1 is added to."""
    theirs = reference(name)
    expected = {key: value.detach().clone() for key, value in theirs.state_dict().items()}
    write_gguf(tmp_path / "model.gguf", theirs, architecture, gguf.GGMLQuantizationType.F32)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", pad_token_id=0)
    found = again.state_dict()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key].float(), value, atol=1e-6, err_msg=key)


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
    theirs.config.rope_parameters = dict(LLAMA31, low_freq_factor=2.0)
    write_gguf(path, theirs, "llama", gguf.GGMLQuantizationType.F32)
    with pytest.raises(UserError, match=r"rope_freqs\.weight is not supported: its numbers are not those of Llama 3.1"):
        load_gguf(path)
    with pytest.raises(UserError, match="is no 'encoder'"):
        load_gguf(path, kind="encoder")
    path.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(UserError, match=r"model\.gguf is damaged or no GGUF file"):
        load_gguf(path)


def test_a_window_that_a_file_must_name_is_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf.GGUFWriter, "add_sliding_window", lambda writer, window: None)
    for name, architecture in (("phi3", "phi3"), ("gemma3", "gemma3")):
        write_gguf(tmp_path / "model.gguf", reference(name), architecture, gguf.GGMLQuantizationType.F32)
        with pytest.raises(
            UserError, match=rf"{architecture}\.attention\.sliding_window is not supported: it is missing"
        ):
            load_gguf(tmp_path / "model.gguf")


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
