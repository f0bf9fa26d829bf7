"""What changes how the weights of a model are stored: layers in int8 or int4, low-rank adapters, another precision."""

from zoo.weights.copying import copy_weights, with_dtype
from zoo.weights.earlier_paths import ReadsEarlierPaths
from zoo.weights.layers_by_path import layers_by_path
from zoo.weights.new_tokens import with_new_tokens
from zoo.weights.quantized_layers import build_quantized, quantized_layers

__all__ = [
    "ReadsEarlierPaths",
    "build_quantized",
    "copy_weights",
    "layers_by_path",
    "quantized_layers",
    "with_dtype",
    "with_new_tokens",
]
