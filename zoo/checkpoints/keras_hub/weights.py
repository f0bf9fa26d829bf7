"""Weights of KerasHub's models by name, and what its tables lack of ours."""

import math

import numpy as np
from keras import ops

from zoo.checkpoints.keras_hub.families import BART, ROBERTA, T5
from zoo.checkpoints.named_tensors import NamedTensors, variable_at

_ATTENTIONS = {"self_attention_layer", "self_attention", "cross_attention"}


class ArrayTensors(NamedTensors):
    """Arrays by name.

    Args:
        origin: What error messages call the preset.
        arrays: numpy arrays by name.
    """

    def __init__(self, origin, arrays):
        super().__init__(origin)
        for name, array in arrays.items():
            self.add(name, array.shape, array)

    def _read(self, name, source):
        return source


def hub_weights(family, backbone, names=()):
    """The weights of a backbone by the names of `families.backbone_names`.

    Args:
        family: A `HubFamily`.
        backbone: Of KerasHub.
        names: `TensorName`s, which say where a T5 has its weights.
    """
    if family is T5:
        return {name.theirs: variable_at(backbone, name.theirs) for name in names}
    return {weight.path: weight for weight in backbone.weights}


def head_weights(task):
    """The weights of a task of KerasHub that are not its backbone's, by path."""
    shared = {id(weight) for weight in task.backbone.weights}
    return {weight.path: weight for weight in task.weights if id(weight) not in shared}


def read_arrays(weights):
    """numpy arrays of KerasHub's weights, those of attention heads joined to one matrix."""
    return {name: ops.convert_to_numpy(weight).reshape(_joined_heads(weight)) for name, weight in weights.items()}


def _joined_heads(weight):
    """The shape of a weight with heads and their dimension as one."""
    if not _ATTENTIONS & set(weight.path.split("/")) or len(weight.shape) == 1:
        return tuple(weight.shape)
    if weight.path.endswith("attention_output/kernel"):
        return math.prod(weight.shape[:-1]), weight.shape[-1]
    if weight.path.endswith("kernel"):
        return weight.shape[0], math.prod(weight.shape[1:])
    return (math.prod(weight.shape),) if weight.path.endswith("bias") else tuple(weight.shape)


def position_tables(family):
    """Names of the tables of positions, which KerasHub keeps without the rows that no position uses."""
    if family is BART:
        return "encoder_position_embedding/embeddings", "decoder_position_embedding/embeddings"
    return ("embeddings/position_embedding/embeddings",) if family is ROBERTA else ()


def to_our_tables(family, arrays, offset):
    """Adds in place what KerasHub's tables lack: rows before position 0, and RoBERTa's one vector of segments."""
    for name in position_tables(family):
        arrays[name] = np.pad(arrays[name], [(offset, 0), (0, 0)])
    if family is ROBERTA:
        arrays["segment_embedding/embeddings"] = np.zeros((1, arrays[position_tables(family)[0]].shape[1]), "float32")


def to_their_tables(family, arrays, offset):
    """The other way: the vector of segments, which every token has, goes into that of each position."""
    for name in position_tables(family):
        arrays[name] = arrays[name][offset:]
    segment = arrays.pop("segment_embedding/embeddings", None) if family is ROBERTA else None
    if segment is not None:
        (name,) = position_tables(family)
        arrays[name] = arrays[name] + segment[:1]
