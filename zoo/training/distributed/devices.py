"""Opens the devices that a run trains on: one, all of a machine, those of several machines, a TPU."""

import contextlib
import json
import os
from typing import Any

import keras

from zoo.errors import UserError
from zoo.training.distributed.jax_processes import check_processes, join_processes
from zoo.training.distributed.layouts import TensorParallel
from zoo.training.distributed.rendezvous import meet

STRATEGIES = {
    "tensorflow": ("auto", "one", "mirrored", "multi_worker", "tpu"),
    "jax": ("auto", "one", "mesh"),
    "torch": ("auto", "one", "torchrun"),
}
"""The strategies of each backend."""

# A cluster whose workers have not met by then is taken for one that never will.
_SECONDS_TO_MEET = 50.0


class Devices:
    """Devices that were opened, and how a model is put on them.

    Args:
        strategy: `tf.distribute.Strategy`, or None where the backend has no such thing or one device does.

    Example:
        >>> devices = open_devices("mirrored")
        >>> with devices.scope():
        ...     model = EncoderDecoder.from_size("tiny", ...)
        ...     model.compile(build_optimizer("adam", 1e-3), TokenCrossEntropy())
        >>> train(model, batches, ...)  # each batch divided among the devices
    """

    def __init__(self, strategy: Any = None):
        self._strategy = strategy

    def scope(self) -> Any:
        """Context in which to make, build and compile the model."""
        return contextlib.nullcontext() if self._strategy is None else self._strategy.scope()


def open_devices(strategy: str = "auto", mesh: Any = None) -> Any:
    """Opens devices; called once, before any model is made.

    Args:
        strategy: "one" device; under TensorFlow all devices of this machine ("mirrored"), those of the workers that
            the environment variable TF_CONFIG, or Slurm, names ("multi_worker") or a "tpu"; under JAX a "mesh" of all
            devices, also those of other processes if JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID, or
            Slurm, name some; under PyTorch the processes that `torchrun` started ("torchrun"). "auto" is what the
            environment asks for, else all devices of this machine.
        mesh: `(data, model)`, numbers of devices along the axes of a mesh under JAX. The rows of batches are divided
            over the first, the weights over the second; see `zoo.training.distributed.layouts`. All devices along
            the first if None.

    Returns:
        `Devices`.

    Raises:
        UserError: A strategy of another backend, or one that the environment does not allow.
    """
    backend = keras.backend.backend()
    if strategy not in STRATEGIES[backend]:
        known = ", ".join(STRATEGIES[backend])
        raise UserError(f'--strategy "{strategy}" does not exist on the {backend} backend: choose one of {known}')
    if mesh is not None and backend != "jax":
        raise UserError(f"--mesh does not exist on the {backend} backend: leave it out, or set KERAS_BACKEND=jax")
    if mesh is not None and strategy == "one":
        raise UserError("--mesh is of several devices: leave it out, or choose --strategy mesh")
    if strategy == "one":
        return Devices()
    if backend == "jax":
        return _open_jax(strategy, mesh)
    return _open_tensorflow(strategy) if backend == "tensorflow" else _open_torch(strategy)


def _open_tensorflow(strategy):
    import tensorflow as tf

    several_workers = _workers_of_tf_config() > 1 or int(os.environ.get("SLURM_NTASKS", 1)) > 1
    if strategy == "multi_worker" or (strategy == "auto" and several_workers):
        if not several_workers:
            raise UserError("--strategy multi_worker needs workers: set TF_CONFIG, or start with srun")
        return Devices(_meet_workers())
    if strategy == "tpu" or (strategy == "auto" and ("TPU_NAME" in os.environ or "COLAB_TPU_ADDR" in os.environ)):
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(f"--strategy tpu: there is no TPU here ({str(error).splitlines()[0]})") from error
        return Devices(tf.distribute.TPUStrategy(resolver))
    # Looking at devices initialises TensorFlow, which must not come before workers meet.
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if strategy == "auto" and len(devices) == 1:
        return Devices()
    return Devices(tf.distribute.MirroredStrategy([device.name for device in devices]))


def _meet_workers():
    import tensorflow as tf

    if "TF_CONFIG" in os.environ:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    else:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver()
    cluster = resolver.cluster_spec()
    own = cluster.task_address(resolver.task_type, resolver.task_id)
    meet(own, {address for task in cluster.as_dict().values() for address in task} - {own}, _SECONDS_TO_MEET)
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


def _workers_of_tf_config():
    if "TF_CONFIG" not in os.environ:
        return 0
    try:
        cluster = json.loads(os.environ["TF_CONFIG"])["cluster"]
        return len(cluster.get("chief", [])) + len(cluster["worker"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"TF_CONFIG is not understood ({error!r}): it is JSON such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
        ) from error


def _open_jax(strategy, mesh):
    join_processes(_SECONDS_TO_MEET)
    count = keras.distribution.get_device_count()
    if mesh is None:
        if strategy == "auto" and count == 1:
            return Devices()
        mesh = (count, 1)
    data, model = mesh
    if data * model != count:
        raise UserError(
            f"--mesh {data}x{model} is of {data * model} devices, and there are {count}: choose two numbers whose "
            f"product is {count}"
        )
    check_processes(model)
    keras.distribution.set_distribution(TensorParallel(data, model))
    return Devices()


def _open_torch(strategy):
    import torch

    started_by_torchrun = torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()
    if strategy == "torchrun" and not started_by_torchrun:
        raise UserError("--strategy torchrun: start with `torchrun --nproc-per-node N -m recipes...`")
    if started_by_torchrun:
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        # Flags and counts of processes are summed on the CPU, gradients where they are.
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    return Devices()
