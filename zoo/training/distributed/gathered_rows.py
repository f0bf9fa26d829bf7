"""The rows of all replicas, for losses that compare each with the others."""

from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.training.distributed.replicas import replicas_of_torchrun, sum_over_replicas


class GatheredRows(NamedTuple):
    """Tensors of all replicas.

    Attributes:
        tensors: list of float32 tensors, replica after replica along the first dimension.
        index: Of this replica, from 0.
        count: Of replicas.
    """

    tensors: list
    index: Any
    count: int

    def own(self, tensor: Any) -> Any:
        """The rows of this replica of a tensor such as `tensors` has."""
        if self.count == 1:
            return tensor
        return ops.reshape(tensor, (self.count, -1, *ops.shape(tensor)[1:]))[self.index]


def gather_rows(tensors: Any) -> GatheredRows:
    """Puts the rows of all replicas one after the other; called by all of them, in a training step.

    Under JAX, where arrays are global, and for a single replica the tensors come back as they are.

    Args:
        tensors: Sequence of tensors with as many rows in every replica; they become float32.
    """
    tensors = [ops.cast(each, "float32") for each in tensors]
    index, count = _place()
    if count == 1:
        return GatheredRows(tensors, index, count)
    # A sum in which each has its own place, because a sum is what all strategies have.
    here = ops.cast(ops.arange(count) == index, "float32")
    placed = [ops.reshape(here, (count, *[1] * len(each.shape))) * each[None] for each in tensors]
    summed = sum_over_replicas(placed)
    return GatheredRows([ops.reshape(each, (-1, *ops.shape(each)[2:])) for each in summed], index, count)


def _place():
    """Number of this replica, and of replicas."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            return context.replica_id_in_sync_group, context.num_replicas_in_sync
    elif backend == "torch":
        replicas = replicas_of_torchrun()
        return replicas.shares[0][0], replicas.count
    return 0, 1
