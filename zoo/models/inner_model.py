"""The model inside a model, in the configurations of both."""

from typing import Any

import keras


def with_inner_model(config: dict[str, Any], name: str, custom_objects: Any = None) -> dict[str, Any]:
    """The arguments of a model that takes over another one, from a configuration.

    Args:
        config: What `get_config` gave, with the other model as Keras serialises it.
        name: The argument that is the other model; it gets the precision of the outer one.
        custom_objects: As of `keras.saving.deserialize_keras_object`.
    """
    inner = config[name]
    if "dtype" in config:
        inner = {**inner, "config": {**inner["config"], "dtype": config["dtype"]}}
    return {**config, name: keras.saving.deserialize_keras_object(inner, custom_objects=custom_objects)}
