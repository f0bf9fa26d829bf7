"""Second names of keys in config.json."""

_HEADS, _WIDTH, _LAYERS = "num_attention_heads", "hidden_size", "num_hidden_layers"
_OF_ENCODER = {_HEADS: "encoder_attention_heads", _WIDTH: "d_model", _LAYERS: "encoder_layers"}
# By model type, as the classes of transformers have them.
_KEYS = {
    "distilbert": {_HEADS: "n_heads", _WIDTH: "dim", _LAYERS: "n_layers"},
    "gpt2": {_HEADS: "n_head", _WIDTH: "n_embd", _LAYERS: "n_layer", "max_position_embeddings": "n_positions"},
    **dict.fromkeys(("bart", "marian", "mbart", "pegasus"), _OF_ENCODER),
    "t5": {_HEADS: "num_heads", _WIDTH: "d_model", _LAYERS: "num_layers", "head_dim": "d_kv"},
}


def without_aliases(content):
    """The content of a config.json with one name for every key.

    Where a file has both, the second name counts, as in transformers.

    Args:
        content: The JSON object.
    """
    model_type = content.get("model_type")
    keys = _KEYS.get(model_type, {}) if isinstance(model_type, str) else {}
    found = {alias: content[alias] for alias in keys if content.get(alias) is not None}
    kept = {key: value for key, value in content.items() if key not in keys}
    return {**kept, **{keys[alias]: value for alias, value in found.items()}}
