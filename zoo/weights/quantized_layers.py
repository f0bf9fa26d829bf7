"""Which layers of a model hold quantised weights, in a form that a saved configuration can carry.

The classes of this package make their layers from sizes, so Keras, which writes the arguments of constructors, forgets
what `quantize` and `enable_lora` did to single layers.
"""

import keras

from zoo.weights.earlier_paths import with_present_paths
from zoo.weights.layers_by_path import layers_by_path


def quantized_layers(model):
    """What `quantize` has done to the layers of a model.

    Args:
        model: A built `keras.Model`.

    Returns:
        JSON-ready dict by path, see `layers_by_path`: `mode` as in the name of Keras's policy, such as "int8" or
        "int4/128"; `config`, Keras's own form of the quantisation's configuration, or None; and where the layer saves a
        low-rank adapter beside its weights, `lora_rank` and `lora_alpha`.
    """
    return {
        path: _described(layer) for path, layer in layers_by_path(model).items() if layer.quantization_mode is not None
    }


def _described(layer):
    described = {
        "mode": layer.dtype_policy.name.partition("_from_")[0],
        "config": keras.saving.serialize_keras_object(layer.quantization_config),
    }
    if layer.keeps_adapter:
        described.update(lora_rank=layer.lora_rank, lora_alpha=layer.lora_alpha)
    return described


def build_quantized(model, changes):
    """Builds a model with quantised layers; what they compute in stays.

    Args:
        model: A `keras.Model` that is not built yet.
        changes: From `quantized_layers` of such a model, perhaps of an earlier version.

    Raises:
        ValueError: for a path that leads to no layer of the model, or to one that is built.
    """
    layers = layers_by_path(model)
    changes = with_present_paths(changes, layers)
    # A model inside this one has restored its own layers by now.
    done = {path for path, layer in layers.items() if layer.quantization_mode is not None}
    new = {path: change for path, change in changes.items() if path not in done}
    for path, change in new.items():
        layer = layers.get(path)
        if layer is None:
            raise ValueError(f"the model has no layer {path}, which is to be {change['mode']}")
        if layer.built:
            raise ValueError(f"the layer {path} is built already and cannot become {change['mode']}")
        layer.quantization_config = keras.saving.deserialize_keras_object(change["config"])
        layer.dtype_policy = f"{change['mode']}_from_{layer.dtype_policy.name}"
    model.build(None)
    for path, change in new.items():
        if "lora_rank" in change:
            layers[path].enable_lora(change["lora_rank"], change["lora_alpha"])
