"""Tensor parallelism: how the weights of a model are divided over the model axis of a mesh of devices.

Attention is divided by its heads, a feed-forward network by its inner width, a table of token vectors by its tokens. Of
two projections in a row the first is divided by columns and the second by rows, so that the devices need to add up only
what the second gives. Normalisations, biases of second projections, tables of positions and of segments, and the last
layer of a classifier are whole on every device. The compiler of JAX puts in the communication.

Source: Shoeybi et al. 2019, section 3, https://arxiv.org/abs/1909.08053.
"""

import re
from typing import NamedTuple

import keras
import numpy as np

from zoo.errors import UserError

DATA_AXIS, MODEL_AXIS = "data", "model"

_COLUMNS, _ROWS, _ENTRIES, _WHOLE = (None, MODEL_AXIS), (MODEL_AXIS, None), (MODEL_AXIS,), (None,)


class Division(NamedTuple):
    """How some variables are divided.

    Attributes:
        paths: Regular expression that their paths match as a whole.
        what: What the divided dimension counts, for messages.
        axes: The mesh's axis, or None, for each dimension of a variable.
        otherwise: The same, for a size that the model axis does not divide; such a size is an error if None.
    """

    paths: str
    what: str
    axes: tuple
    otherwise: tuple | None = None


# The vocabularies of published models are of any size, GPT-2's of 29 * 1733. By columns their tables are divided too,
# at the price of logits that every device computes over the whole vocabulary.
DIVISIONS = (
    Division(r".*attention/(query|key|value)/kernel", "the attention heads", _COLUMNS),
    Division(r".*attention/(query|key|value)/bias", "the attention heads", _ENTRIES),
    Division(r".*attention/output/kernel", "the attention heads", _ROWS),
    Division(r".*/(up|gate)_projection/kernel", "intermediate_dim", _COLUMNS),
    Division(r".*/(up|gate)_projection/bias", "intermediate_dim", _ENTRIES),
    Division(r".*/down_projection/kernel", "intermediate_dim", _ROWS),
    Division(
        r".*/(token|source|target|output)_embedding/embeddings",
        "vocabulary_size or hidden_dim",
        _ROWS,
        otherwise=_COLUMNS,
    ),
    Division(r".*/(token_head/bias|logits_bias)", "vocabulary_size", _ENTRIES, otherwise=_WHOLE),
    Division(r".*/(token_head/transform|pooler|hidden)/kernel", "hidden_dim", _COLUMNS),
    Division(r".*/(token_head/transform|pooler|hidden)/bias", "hidden_dim", _ENTRIES),
)


class TensorParallel(keras.distribution.ModelParallel):
    """Rows of batches divided over the data axis of a mesh of devices, weights over its model axis.

    Neighbours among the devices of a process share a replica of the model.

    Args:
        data, model: Devices along each axis; their product is the number of devices.
        devices: list of `jax.Device`; all of them, those of other processes included, if None.

    Example:
        >>> keras.distribution.set_distribution(TensorParallel(4, 2))  # 8 devices
        >>> model = GPT2.from_size("small")
        >>> model.build()
        >>> shape_on_one_device(model.decoder_blocks[0].feed_forward.up_projection.kernel)
        (768, 1536)
    """

    def __init__(self, data, model, devices=None):
        import jax

        devices = sorted(devices or jax.devices(), key=lambda device: (device.process_index, device.id))
        names = [f"{device.platform}:{device.id}" for device in devices]
        mesh = keras.distribution.DeviceMesh((data, model), (DATA_AXIS, MODEL_AXIS), names)
        layout_map = keras.distribution.LayoutMap(mesh)
        for division in DIVISIONS:
            layout_map[division.paths] = division.axes
        # Batches come divided among the processes.
        super().__init__(layout_map=layout_map, batch_dim_name=DATA_AXIS, auto_shard_dataset=False)
        self.model_axis = model

    def get_variable_layout(self, variable):
        """The `TensorLayout` of a variable that is being made.

        Raises:
            UserError: The model axis does not divide what it is to divide.
        """
        layout = super().get_variable_layout(variable)
        if self._divides(variable.shape, layout.axes):
            return layout
        division = next(each for each in DIVISIONS if re.fullmatch(each.paths, variable.path))
        if division.otherwise is None or not self._divides(variable.shape, division.otherwise):
            raise UserError(
                f"a model axis of {self.model_axis} does not divide {division.what} in {variable.path}, of shape "
                f"{tuple(variable.shape)}: choose another --mesh"
            )
        return keras.distribution.TensorLayout(division.otherwise, self.device_mesh)

    def _divides(self, shape, axes):
        return not any(size % self.model_axis for size, axis in zip(shape, axes, strict=True) if axis == MODEL_AXIS)


def check_heads(model):
    """Refuses a mesh that would divide single attention heads, of a built model.

    Raises:
        UserError: The model axis of the `TensorParallel` in force does not divide the number of heads.
    """
    distribution = keras.distribution.distribution()
    if not isinstance(distribution, TensorParallel):
        return
    for layer in model._flatten_layers():
        heads = getattr(layer, "num_heads", 0)
        if heads % distribution.model_axis:
            raise UserError(
                f"a model axis of {distribution.model_axis} does not divide the {heads} attention heads of "
                f"{layer.path}: choose another --mesh"
            )


def shape_on_one_device(variable):
    """The shape of the part of a variable that one device holds: its own shape, but for divided ones under JAX."""
    shape = tuple(variable.shape)
    if keras.backend.backend() != "jax":
        return shape
    return variable.value.sharding.shard_shape(shape)


def whole_value(variable):
    """The value of a variable as a numpy array, whole also where devices hold parts of it.

    Nothing is asked of other processes: each has a replica of the model on its own devices.
    """
    value = variable.value
    if keras.backend.backend() != "jax" or value.is_fully_addressable or value.is_fully_replicated:
        return np.asarray(keras.ops.convert_to_numpy(value))
    whole = np.empty(value.shape, value.dtype)
    for shard in value.addressable_shards:
        whole[shard.index] = shard.data
    return whole
