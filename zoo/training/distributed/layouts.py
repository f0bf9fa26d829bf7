"""Tensor parallelism: the weights of a model divided over the model axis of a mesh of devices, as its layers say.

The compiler of JAX puts in the communication. See `zoo.layers.partition`.
"""

from typing import Any

import keras
import numpy as np

from zoo.errors import UserError
from zoo.layers.partition import MODEL_AXIS

DATA_AXIS = "data"


class TensorParallel(keras.distribution.ModelParallel):
    """Rows of batches divided over the data axis of a mesh of devices, weights over its model axis.

    Neighbours among the devices of a process share a replica of the model.

    Args:
        data, model: Devices along each axis; their product is the number of devices.
        devices: list of `jax.Device`; all of them, those of other processes included, if None.

    Attributes:
        divisions: dict of `Division` by the path of a variable, as the layers made so far have said.

    Example:
        >>> keras.distribution.set_distribution(TensorParallel(4, 2))  # 8 devices
        >>> model = GPT2.from_size("small")
        >>> model.build()
        >>> shape_on_one_device(model.decoder_blocks[0].feed_forward.up_projection.kernel)
        (768, 1536)
    """

    def __init__(self, data: Any, model: keras.Model, devices: Any = None):
        import jax

        devices = sorted(devices or jax.devices(), key=lambda device: (device.process_index, device.id))
        names = [f"{device.platform}:{device.id}" for device in devices]
        mesh = keras.distribution.DeviceMesh((data, model), (DATA_AXIS, MODEL_AXIS), names)
        layout_map = keras.distribution.LayoutMap(mesh)
        # Batches come divided among the processes.
        super().__init__(layout_map=layout_map, batch_dim_name=DATA_AXIS, auto_shard_dataset=False)
        self.model_axis = model
        self.divisions = {}

    def divide(self, path: Any, division: Any) -> None:
        """Takes note of the `Division` of the variable at a path, before it is made."""
        self.divisions[path] = division

    def get_variable_layout(self, variable: Any) -> Any:
        """The `TensorLayout` of a variable that is being made.

        Raises:
            UserError: The model axis does not divide what it is to divide.
        """
        division = self.divisions.get(variable.path)
        if division is None:
            return super().get_variable_layout(variable)
        for axes in (division.axes, division.otherwise):
            if axes is not None and self._divides(variable.shape, axes):
                return keras.distribution.TensorLayout(axes, self.device_mesh)
        raise UserError(
            f"a model axis of {self.model_axis} does not divide {division.what} in {variable.path}, of shape "
            f"{tuple(variable.shape)}: choose another --mesh"
        )

    def _divides(self, shape, axes):
        return not any(size % self.model_axis for size, axis in zip(shape, axes, strict=True) if axis == MODEL_AXIS)


def check_heads(model: keras.Model) -> None:
    """Refuses a mesh that would divide single attention heads, of a built model.

    Raises:
        UserError: The model axis of the `TensorParallel` in force does not divide the number of heads.
    """
    distribution = keras.distribution.distribution()
    if not isinstance(distribution, TensorParallel):
        return
    for layer in model._flatten_layers():
        heads, groups = getattr(layer, "num_heads", 0), getattr(layer, "num_key_value_heads", 0)
        for number, what in ((heads, "attention heads"), (groups, "heads of keys and values")):
            if number % distribution.model_axis:
                raise UserError(
                    f"a model axis of {distribution.model_axis} does not divide the {number} {what} of "
                    f"{layer.path}: choose another --mesh"
                )


def shape_on_one_device(variable: Any) -> tuple[int, ...]:
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
