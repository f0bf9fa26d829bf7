"""Weights of KerasHub's models by name."""

import math

from keras import ops

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
    """The weights of a backbone by the names of `KerasHubMap.tensor_names`.

    Args:
        family: A `zoo.architectures.KerasHubMap`.
        backbone: Of KerasHub.
        names: `TensorName`s, which say where the weights are that attributes lead to.
    """
    if family.weights_by_attributes:
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
