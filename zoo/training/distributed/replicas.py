"""The devices that share the batches of a training run, and sums over them."""

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True)
class Replicas:
    """How many replicas of a model train on parts of each batch, and which of them are fed by this process.

    Attributes:
        count: Replicas over all processes; batches are padded to a multiple of it.
        shares: `(start, step)` for each part that this process hands to a training step: rows `start`, `start + step`,
            ... of the batch.
        is_chief: Whether this is the process that writes checkpoints and results.
        devices_each: Devices that a replica is divided over: the model axis of a mesh.
    """

    count: int = 1
    shares: tuple[tuple[int, int], ...] = ((0, 1),)
    is_chief: bool = True
    devices_each: int = 1

    @property
    def num_processes(self) -> int:
        """Processes that train together."""
        return self.shares[0][1] // len(self.shares)


def replicas_of(model: keras.Model) -> Any:
    """The `Replicas` that a model will be trained by: of its strategy, of the `keras.distribution`, of `torchrun`.

    Args:
        model: `keras.Model`; under TensorFlow made in the scope of the strategy.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _of_strategy(model.distribute_strategy)
    if backend == "jax":
        return _of_distribution(keras.distribution.distribution())
    return replicas_of_torchrun()


def scope_of(model: keras.Model) -> Any:
    """Context in which variables of a model may be assigned: the scope of the strategy it was made under."""
    if keras.backend.backend() != "tensorflow":
        return contextlib.nullcontext()
    return model.distribute_strategy.scope()


def _of_strategy(strategy):
    count = strategy.num_replicas_in_sync
    if count == 1:
        return Replicas()
    local = len(strategy.extended.worker_devices)
    resolver = strategy.cluster_resolver
    first, is_chief = 0, True
    if resolver is not None and resolver.task_type is not None and count > local:
        # Workers have as many replicas each; a chief comes before the workers.
        first = local * (resolver.task_id + (resolver.task_type == "worker" and _has_chief(resolver)))
        is_chief = first == 0
    return Replicas(count, tuple((first + index, count) for index in range(local)), is_chief)


def _has_chief(resolver):
    return bool(resolver.cluster_spec().as_dict().get("chief"))


def _of_distribution(distribution):
    if distribution is None:
        return Replicas()
    import jax

    shape = dict(zip(distribution.device_mesh.axis_names, distribution.device_mesh.shape, strict=True))
    count = shape[distribution.batch_dim_name or distribution.device_mesh.axis_names[0]]
    own = jax.process_index()
    owners = sorted({device.process_index for device in distribution.device_mesh.backend_mesh.devices.flat})
    return Replicas(count, ((owners.index(own), len(owners)),), own == 0, math.prod(shape.values()) // count)


def replicas_of_torchrun():
    """The `Replicas` of the processes that `torchrun` started, one each; a single one without it."""
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return Replicas()
    rank, count = torch.distributed.get_rank(), torch.distributed.get_world_size()
    return Replicas(count, ((rank, count),), rank == 0)


def any_process(model, flags):
    """Whether each of some flags is set in any of the processes; called by all of them, outside training steps.

    Args:
        model: As in `replicas_of`.
        flags: Sequence of bools.

    Returns:
        list of bools, the same in all processes.
    """
    return (_summed(model, flags) > 0).tolist()


def number_of_chief(model, number):
    """The number that the chief process has, in all processes; called by all of them, outside training steps.

    Args:
        model: As in `replicas_of`.
        number: float; those of other processes make no difference.
    """
    replicas = replicas_of(model)
    if replicas.num_processes == 1:
        return float(number)
    return float(_summed(model, [number if replicas.is_chief else 0.0])[0])


def _summed(model, numbers):
    """Numbers summed over the processes, float32 [N]."""
    numbers = np.array(numbers, np.float32)
    backend = keras.backend.backend()
    if backend == "jax":
        from jax.experimental import multihost_utils

        return multihost_utils.process_allgather(numbers).reshape(-1, len(numbers)).sum(axis=0)
    if backend == "torch":
        import torch

        tensor = torch.from_numpy(numbers)
        torch.distributed.all_reduce(tensor)
        return tensor.numpy()
    import tensorflow as tf

    strategy = model.distribute_strategy
    total = strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: tf.constant(numbers)), axis=None)
    # Each replica of a process counts.
    return total.numpy() / len(replicas_of(model).shares)


def sum_over_replicas(tensors):
    """Adds each tensor over all replicas; called by all of them, in a training step.

    Under JAX, where arrays are global, and for a single replica the tensors come back as they are, but for
    `tf.IndexedSlices`, which become tensors in which the slices of a repeated index are summed.

    Args:
        tensors: list of tensors, `tf.IndexedSlices` and None.

    Returns:
        list of the same length, None where None was.
    """
    given = [each for each in tensors if each is not None]
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        given = [tf.convert_to_tensor(each) for each in given]
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            given = context.all_reduce(tf.distribute.ReduceOp.SUM, given)
    elif backend == "torch" and replicas_of_torchrun().count > 1:
        import torch

        for each in given:
            torch.distributed.all_reduce(each)
    summed = iter(given)
    return [None if each is None else next(summed) for each in tensors]
