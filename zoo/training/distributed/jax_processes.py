"""Several processes of JAX that train one model together: how they find each other, and how they part."""

import atexit
import logging
import os
import re
import sys

import keras

from zoo.errors import UserError
from zoo.training.distributed.layouts import TensorParallel, whole_value
from zoo.training.distributed.rendezvous import meet_at_first
from zoo.training.distributed.replicas import replicas_of

_ADDRESS = re.compile(r".+:\d+")


def join_processes(seconds):
    """Joins the processes that the environment names, before JAX looks at its devices; nothing if it names none.

    These are JAX_COORDINATOR_ADDRESS ("host:port" of the first process), JAX_NUM_PROCESSES and JAX_PROCESS_ID, or what
    Slurm sets for the tasks of a step.

    Args:
        seconds: How long to wait for the others.

    Raises:
        UserError: The variables are not understood, or the others did not come.
    """
    import jax

    address = os.environ.get("JAX_COORDINATOR_ADDRESS")
    slurm = int(os.environ.get("SLURM_NTASKS", 1)) > 1
    if jax.distributed.is_initialized() or not (address or slurm):
        return
    if not address:
        try:
            jax.distributed.initialize(cluster_detection_method="slurm")
        except ValueError as error:
            raise UserError(
                f"JAX does not find the processes of Slurm ({error}): start with srun, or with --strategy one"
            ) from error
        return
    if not _ADDRESS.fullmatch(address):
        raise UserError(f'JAX_COORDINATOR_ADDRESS is "host:port" of the first process, got "{address}"')
    count, index = (_number(name) for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"))
    if index >= count:
        raise UserError(f"JAX_PROCESS_ID is a number from 0 to {count - 1}, of {count} processes, got {index}")
    meet_at_first(address, index, count, seconds)
    jax.distributed.initialize(address, count, index, cluster_detection_method="deactivate")


def _number(name):
    value = os.environ.get(name, "")
    if not value.isdecimal():
        raise UserError(f'JAX_COORDINATOR_ADDRESS needs a number in {name}, got "{value}"')
    return int(value)


def end_without_the_others():
    """Lets this process end when it has come to its end, with status 2; JAX would wait for the one that is gone."""
    atexit.register(_end)


def _end():
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)


def check_processes(model_axis):
    """Refuses a replica of the model over several processes, each of which could not save or use it alone.

    Raises:
        UserError: The model axis does not divide the devices of a process.
    """
    import jax

    if jax.process_count() > 1 and jax.local_device_count() % model_axis:
        raise UserError(
            f"a model axis of {model_axis} does not divide the {jax.local_device_count()} devices of each process: "
            "choose another --mesh"
        )


def part_processes(model: keras.Model) -> None:
    """Ends the work in common: from here on each process has the model to itself. Called by all of them.

    Without several processes of JAX nothing happens.

    Args:
        model: Built; its variables, and those of its optimizer, move to the first devices of each process.
    """
    if keras.backend.backend() != "jax" or replicas_of(model).num_processes == 1:
        return
    import jax

    variables = [*model.variables, *model.optimizer.variables]
    values = [whole_value(variable) for variable in variables]
    size = keras.distribution.distribution().model_axis
    # The others would be missed, and this process ended, when they are gone.
    jax.distributed.shutdown()
    alone = TensorParallel(1, size, jax.local_devices()[:size])
    keras.distribution.set_distribution(alone)
    for variable, value in zip(variables, values, strict=True):
        # Keras has no public way to move a variable that exists.
        variable._layout = keras.distribution.TensorLayout(variable._layout.axes, alone.device_mesh)
        variable.assign(value)
