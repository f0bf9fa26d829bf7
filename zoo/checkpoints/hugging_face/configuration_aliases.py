"""Second names of keys in config.json."""

from zoo.architectures import architecture_named


def without_aliases(content):
    """The content of a config.json with one name for every key.

    Where a file has both, the second name counts, as in transformers.

    Args:
        content: The JSON object.
    """
    architecture = architecture_named(content.get("model_type"))
    keys = {} if architecture is None else architecture.second_names
    found = {alias: content[alias] for alias in keys if content.get(alias) is not None}
    kept = {key: value for key, value in content.items() if key not in keys}
    return {**kept, **{keys[alias]: value for alias, value in found.items()}}
