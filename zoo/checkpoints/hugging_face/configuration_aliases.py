"""Second names of keys in config.json."""

from zoo.architectures import architecture_named

# By model type, as the classes of transformers have them, for families that are not registered.
_KEYS = {
    "distilbert": {"num_attention_heads": "n_heads", "hidden_size": "dim", "num_hidden_layers": "n_layers"},
}


def without_aliases(content):
    """The content of a config.json with one name for every key.

    Where a file has both, the second name counts, as in transformers.

    Args:
        content: The JSON object.
    """
    model_type = content.get("model_type")
    architecture = architecture_named(model_type)
    if architecture is not None:
        keys = architecture.second_names
    else:
        keys = _KEYS.get(model_type, {}) if isinstance(model_type, str) else {}
    found = {alias: content[alias] for alias in keys if content.get(alias) is not None}
    kept = {key: value for key, value in content.items() if key not in keys}
    return {**kept, **{keys[alias]: value for alias, value in found.items()}}
