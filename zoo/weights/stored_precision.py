"""Weights and computation in another precision."""

import keras

from zoo.weights.copying import copy_weights
from zoo.weights.weight_form import WeightForm


class StoredPrecision(WeightForm):
    """Weights in the precision of a Keras dtype policy, such as "bfloat16", which computes in it too.

    Args:
        dtype: The policy. Layers that are quantised stay so.
    """

    def __init__(self, dtype: str):
        self.dtype = dtype

    def apply(self, model: keras.Model) -> keras.Model:
        """A copy of the model, not compiled; its low-rank adapters become part of the matrices. See `WeightForm`."""
        return with_dtype(model, self.dtype)


def with_dtype(model: keras.Model, dtype: str) -> keras.Model:
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
