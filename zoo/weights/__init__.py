"""The forms that weights are held in: packed, quantised, in another precision; and copies. Adapters are in
`zoo.adapters`.

A `WeightForm` says how a model gets into it and out again, which variables it then reads, what of it is saved, and how
much it may change answers.
"""

# Layers and models come after Keras, see `zoo`, and need modules from here: so Keras comes first.
import keras  # noqa: F401

from zoo.weights.copying import copy_weights
from zoo.weights.earlier_paths import ReadsEarlierPaths
from zoo.weights.layers_by_path import layers_by_path
from zoo.weights.new_tokens import with_new_tokens
from zoo.weights.packed_matrix import PackedMatrix
from zoo.weights.packed_weights import PackedWeights, Packing
from zoo.weights.quantized_weights import QuantizedWeights
from zoo.weights.stored_precision import StoredPrecision, with_dtype
from zoo.weights.weight_form import WeightForm

__all__ = [
    "PackedMatrix",
    "PackedWeights",
    "Packing",
    "QuantizedWeights",
    "ReadsEarlierPaths",
    "StoredPrecision",
    "WeightForm",
    "copy_weights",
    "layers_by_path",
    "with_dtype",
    "with_new_tokens",
]
