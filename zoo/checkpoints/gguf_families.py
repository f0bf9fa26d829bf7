"""What GGUF files say of each family of models: its keys, its tensors, and what llama.cpp knows without being told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import UserError

_KEYS = {
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "block_count": "num_hidden_layers",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "context_length": "max_position_embeddings",
    "rope.freq_base": "rope_theta",
}
_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _nothing_more(content: dict[str, Any], own: dict[str, Any], refuse: Callable[..., UserError]) -> None:
    """Files whose keys stand for themselves."""


@dataclass(frozen=True)
class GgufFamily:
    """Files of one `general.architecture`.

    Attributes:
        model_type: What config.json calls the family.
        interleaved: Whether rows of queries and keys lie in the order of positions that turn neighbours together.
        unit_norms: Whether weights of normalisations are stored with 1 added.
        keys: The names that config.json has for keys of the file.
        names: The names that Hugging Face's files have for tensors.
        further: Function of what config.json would say so far, which it completes, the keys of the file that are left,
            of which it takes what it follows, and a function from a key and a reason to the error that refuses it.
    """

    model_type: str
    interleaved: bool = False
    unit_norms: bool = False
    keys: Mapping[str, str] = field(default_factory=lambda: _KEYS)
    names: Mapping[str, str] = field(default_factory=lambda: _NAMES)
    further: Callable[..., None] = _nothing_more


def _gemma(most_layers):
    """What Gemma's files leave out: the scale of attention, which is another one in the model of most layers."""

    def further(content, own, refuse):
        heads, width = content["num_attention_heads"], content["hidden_size"]
        largest = content["num_hidden_layers"] == most_layers
        content["query_pre_attn_scalar"] = width // heads if largest else content["head_dim"]

    return further


def _gemma3(content, own, refuse):
    """Gemma 3 has no default of its window or of its base that every program shares."""
    for key in ("sliding_window", "rope_theta"):
        if key not in content:
            raise refuse(
                {"sliding_window": "attention.sliding_window", "rope_theta": "rope.freq_base"}[key], "it is missing"
            )
    _gemma(62)(content, own, refuse)


def _phi3(content, own, refuse):
    """Phi-3: windows of 0 positions are none; contexts are those that the positions were made for."""
    if "sliding_window" not in content:
        raise refuse("attention.sliding_window", "it is missing, as in files of before July 2024: use a newer one")
    content["sliding_window"] = content["sliding_window"] or None
    length = content.get("max_position_embeddings")
    if own.get("rope.scaling.original_context_length", length) == length:
        own.pop("rope.scaling.original_context_length", None)
    if "rope.dimension_count" in own:
        content["partial_rotary_factor"] = own.pop("rope.dimension_count") / content["head_dim"]


_WINDOWED = {**_KEYS, "attention.sliding_window": "sliding_window"}
_SOFTCAPPED = {
    **_WINDOWED,
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
}
_FOUR_NORMS = {
    **_NAMES,
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
FAMILIES = {
    # Mistral's files say llama.
    "llama": GgufFamily("llama", interleaved=True),
    "qwen2": GgufFamily("qwen2"),
    "qwen3": GgufFamily("qwen3"),
    "smollm3": GgufFamily("smollm3", interleaved=True),
    "gemma2": GgufFamily("gemma2", unit_norms=True, keys=_SOFTCAPPED, names=_FOUR_NORMS, further=_gemma(46)),
    "gemma3": GgufFamily(
        "gemma3_text",
        unit_norms=True,
        keys={
            **_SOFTCAPPED,
            "attention.sliding_window_pattern": "sliding_window_pattern",
            "rope.freq_base_swa": "rope_local_base_freq",
        },
        names=_FOUR_NORMS,
        further=_gemma3,
    ),
    "phi3": GgufFamily(
        "phi3",
        keys=_WINDOWED,
        names={**_NAMES, "attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"},
        further=_phi3,
    ),
}
"""By what `general.architecture` says."""
