"""The weights of one model in another of the same structure."""

import keras

from zoo.weights.layers_by_path import layers_by_path


def copy_weights(source, target):
    """Copies the weights of every layer, low-rank adapters of the source added to the matrices that they adapt.

    Args:
        source: A built `keras.Model`.
        target: A built one of the same structure, of whatever precision.

    Raises:
        ValueError: if the structures differ.
    """
    sources, targets = layers_by_path(source), layers_by_path(target)
    if sources.keys() != targets.keys():
        differing = min(sources.keys() ^ targets.keys())
        raise ValueError(f"only one of the two models has a layer {differing}")
    for path, layer in sources.items():
        # What a layer saves of itself has its adapters merged.
        saved = {}
        layer.save_own_variables(saved)
        targets[path].load_own_variables(saved)


def with_dtype(model, dtype):
    """A copy of a model that computes in another precision; its low-rank adapters become part of the matrices.

    Args:
        model: A built model of `zoo.models`.
        dtype: A Keras dtype policy, such as "float32". Layers that are quantised stay so.

    Returns:
        A model of the same class with the same weights, not compiled.
    """
    config = keras.saving.serialize_keras_object(model)
    config = {**config, "config": {**config["config"], "dtype": dtype}, "compile_config": None}
    copy = keras.saving.deserialize_keras_object(config)
    if not copy.built:
        copy.build()
    copy_weights(model, copy)
    return copy
