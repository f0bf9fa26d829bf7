"""What a training would be, without doing it."""

import math
import sys

import keras
import numpy as np

from zoo.training import check_heads, replicas_of, scope_of, shape_on_one_device


def end_if_dry_run(config, model, batches, total_steps):
    """With --dry-run prints devices, batch, parameters, memory and updates, and ends the process.

    Args:
        config: The recipe's configuration.
        model: Compiled; its optimizer gets built.
        batches: Training batches.
        total_steps: Updates.
    """
    if not config.devices.dry_run:
        return
    # By all processes, which make the optimizer's variables together.
    found = facts(config, model, batches, total_steps)
    if replicas_of(model).is_chief:
        for name, value in found.items():
            print(f"{name:<12} {value}")
    sys.exit(0)


def facts(config, model, batches, total_steps):
    """Lines to print by name, a dict."""
    check_heads(model)
    replicas, parts = replicas_of(model), config.devices.accumulate_steps
    if not model.optimizer.built:
        with scope_of(model):
            model.optimizer.build(model.trainable_variables)
    weights, moments = (mebibytes(variables) for variables in (model.variables, model.optimizer.variables))
    gradients = mebibytes(model.trainable_variables)
    x, _, sample_weights = next(iter(batches.epoch(0)))
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in x.items())
    rows = len(next(iter(x.values())))
    labels = sum(int(np.count_nonzero(each)) for each in keras.tree.flatten(sample_weights))
    epoch = batches.num_batches()  # None for a corpus too large to be counted
    epochs = f", {epoch:,} to an epoch: {total_steps / epoch:,.1f} epochs" if epoch else ""
    return {
        "devices": (
            f"{replicas.count * replicas.devices_each} ({keras.backend.backend()} backend, strategy "
            f"{config.devices.strategy}{_mesh(replicas)})"
        ),
        "precision": config.precision,
        "parameters": f"{model.count_params():,}",
        "batch": (
            f"the first: {shapes}; {labels:,} labels; {-(-rows // (replicas.count * parts))} rows at a time on a device"
        ),
        "memory": (
            f"{weights + gradients + moments:,.0f} MiB a device: weights {weights:,.0f}, gradients {gradients:,.0f}, "
            f"optimizer {moments:,.0f}; activations come on top"
        ),
        "updates": f"{total_steps:,}{epochs}",
        **shapes_to_compile(model, batches),
    }


def shapes_to_compile(model, batches):
    """For how many shapes of batches an update may have to be compiled, where it is; a line by name or none."""
    most = getattr(batches, "most_shapes", None)
    return {"shapes": f"at most {most:,}, each compiled once"} if model.jit_compile and most else {}


def mebibytes(variables):
    """Memory of the values of variables, or the parts of them, that one device holds."""
    return sum(math.prod(shape_on_one_device(v)) * np.dtype(v.dtype).itemsize for v in variables) / 2**20


def _mesh(replicas):
    if replicas.devices_each == 1:
        return ""
    return f", batches divided over {replicas.count}, the model over {replicas.devices_each}"
