"""Tiny random language models of transformers, one of each family and of what its configurations can say."""

VOCABULARY = 47
_SIZES = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
_LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=500000.0,
    factor=4.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)
_YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16)
_WINDOWED = ["sliding_attention", "full_attention", "sliding_attention"]
CASES = {
    "llama": ("Llama", {}),
    "llama_scaled": ("Llama", dict(rope_parameters=_LLAMA3, tie_word_embeddings=True, head_dim=6)),
    "llama_linear": ("Llama", dict(rope_parameters=dict(rope_type="linear", rope_theta=1e4, factor=2.0))),
    "llama_biases": ("Llama", dict(attention_bias=True, mlp_bias=True, num_key_value_heads=4, hidden_act="gelu")),
    "mistral": ("Mistral", dict(sliding_window=5, head_dim=16)),
    "mistral_everything": ("Mistral", dict(sliding_window=None)),
    "qwen2": ("Qwen2", dict(tie_word_embeddings=True)),
    "qwen2_windows": ("Qwen2", dict(use_sliding_window=True, sliding_window=4, max_window_layers=1)),
    "qwen3": ("Qwen3", dict(head_dim=8)),
    "qwen3_yarn": ("Qwen3", dict(head_dim=16, rope_parameters=_YARN, attention_bias=True)),
    "smollm3": ("SmolLM3", dict(no_rope_layer_interval=2)),
    "smollm3_windows": (
        "SmolLM3",
        dict(use_sliding_window=True, sliding_window=4, no_rope_layers=[1, 0, 1], layer_types=_WINDOWED),
    ),
    "phi3": ("Phi3", {}),
    "phi3_windows": (
        "Phi3",
        dict(sliding_window=5, rope_parameters=dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=0.5)),
    ),
    "gemma2": ("Gemma2", dict(head_dim=10, sliding_window=5, query_pre_attn_scalar=12, attn_logit_softcapping=2.0)),
    "gemma2_open": (
        "Gemma2",
        dict(head_dim=8, attn_logit_softcapping=None, final_logit_softcapping=1.5, layer_types=_WINDOWED),
    ),
    "gemma3": ("Gemma3Text", dict(head_dim=8, sliding_window=5, layer_types=_WINDOWED, query_pre_attn_scalar=9)),
    "gemma3_scaled": (
        "Gemma3Text",
        dict(
            head_dim=8,
            sliding_window=4,
            rope_parameters=dict(
                sliding_attention=dict(rope_type="default", rope_theta=5e3),
                full_attention=dict(rope_type="linear", rope_theta=1e5, factor=8.0),
            ),
        ),
    ),
}


def reference(name, **changes):
    """A model of transformers in float32 whose weights give clear answers; `changes` of its configuration."""
    import torch
    import transformers

    family, options = CASES[name]
    config = getattr(transformers, f"{family}Config")(**{**_SIZES, **options, **changes}, attn_implementation="eager")
    cls = {"Gemma3Text": "Gemma3"}.get(family, family)
    torch.manual_seed(3)
    model = getattr(transformers, f"{cls}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.3 if parameter.ndim == 1 else 2.0 * parameter.shape[-1] ** -0.5
            parameter.add_(torch.randn_like(parameter) * scale)
    return model
