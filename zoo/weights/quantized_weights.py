"""Layers that hold weights of 8 or 4 bits.

The classes of this package make their layers from sizes, so Keras, which writes the arguments of constructors, forgets
what `quantize` and `enable_lora` did to single layers; `saved` says it in a form that a saved configuration can carry.
"""

import contextlib
import gc
from typing import Any

import keras

from zoo.weights.earlier_paths import with_present_paths
from zoo.weights.layers_by_path import layers_by_path
from zoo.weights.weight_form import WeightForm


class QuantizedWeights(WeightForm):
    """Matrices of every projection in integers, with a scale for each column or for each group of rows.

    Args:
        mode: "int8" or "int4", as of `keras.layers.Dense.quantize`.

    Example:
        >>> model = QuantizedWeights("int8").apply(GPT2.from_size("small"))
    """

    def __init__(self, mode: str = "int8"):
        self.mode = mode

    def apply(self, model: keras.Model) -> keras.Model:
        """Quantises what is not quantised yet; see `WeightForm`."""
        layers = [layer for layer in layers_by_path(model).values() if isinstance(layer, keras.layers.Dense)]
        with _objects_left_alone():
            for layer in layers:
                if layer.quantization_mode is None:
                    layer.quantize(self.mode)
        return model

    def saved(self, model: keras.Model) -> dict[str, Any]:
        """What `quantize` has done to the layers of a model, whatever form it is said to have.

        Returns:
            By path, see `layers_by_path`: `mode` as in the name of Keras's policy, such as "int8" or "int4/128";
            `config`, Keras's own form of the quantisation's configuration, or None; and where the layer saves a
            low-rank adapter beside its weights, `lora_rank` and `lora_alpha`.
        """
        layers = layers_by_path(model).items()
        return {path: _described(layer) for path, layer in layers if layer.quantization_mode is not None}

    @staticmethod
    def restore(model: keras.Model, saved: dict[str, Any]) -> None:
        """Builds a model with quantised layers; what they compute in stays.

        Args:
            model: A `keras.Model` that is not built yet.
            saved: From `saved` of such a model, perhaps of an earlier version.

        Raises:
            ValueError: for a path that leads to no layer of the model, or to one that is built.
        """
        layers = layers_by_path(model)
        changes = with_present_paths(saved, layers)
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


@contextlib.contextmanager
def _objects_left_alone():
    """Keras looks for garbage after each layer, among all objects of the program, which may take a second each time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _described(layer):
    described = {
        "mode": layer.dtype_policy.name.partition("_from_")[0],
        "config": keras.saving.serialize_keras_object(layer.quantization_config),
    }
    if layer.keeps_adapter:
        described.update(lora_rank=layer.lora_rank, lora_alpha=layer.lora_alpha)
    return described
