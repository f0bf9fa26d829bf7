"""What a training would be, without doing it."""

import sys

import keras
import numpy as np

from zoo.training import replicas_of, scope_of


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
    if replicas_of(model).is_chief:
        for name, value in facts(config, model, batches, total_steps).items():
            print(f"{name:<12} {value}")
    sys.exit(0)


def facts(config, model, batches, total_steps):
    """Lines to print by name, a dict."""
    replicas, parts = replicas_of(model).count, config.devices.accumulate_steps
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
        "devices": f"{replicas} ({keras.backend.backend()} backend, strategy {config.devices.strategy})",
        "precision": config.precision,
        "parameters": f"{model.count_params():,}",
        "batch": f"the first: {shapes}; {labels:,} labels; {-(-rows // (replicas * parts))} rows at a time on a device",
        "memory": (
            f"{weights + gradients + moments:,.0f} MiB a device: weights {weights:,.0f}, gradients {gradients:,.0f}, "
            f"optimizer {moments:,.0f}; activations come on top"
        ),
        "updates": f"{total_steps:,}{epochs}",
    }


def mebibytes(variables):
    """Memory of the values of variables."""
    return sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in variables) / 2**20
