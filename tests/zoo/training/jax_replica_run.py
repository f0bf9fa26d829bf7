"""Training on a mesh of four devices under JAX; run as a program, which prints the checks it has made."""

import sys
from pathlib import Path

import jax
import keras
import numpy as np
from replica_cases import (
    OPTIMIZERS,
    STEPS,
    assert_as_reference,
    model_of_float16,
    overflowing_batch,
    reference,
    small_model,
    trained,
)
from tiny_run import weights_of

from zoo.training.distributed.devices import open_devices
from zoo.training.distributed.replicas import replicas_of

CASES = (("one", 2, ("adamw",)), ("mesh", 1, ("adamw",)), ("mesh", 2, tuple(OPTIMIZERS)))
"""Strategies, parts of a batch, and optimizers to train with."""


def check_overflow(directory, strategy):
    """An overflow planted on one of the devices, in float16: no device makes that step. Returns the losses."""
    model = model_of_float16()
    result = trained(model, directory / f"overflow, {strategy}", make=overflowing_batch, accumulate_steps=2)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations.value)) == STEPS - 1
    assert all(np.isfinite(array).all() for array in weights_of(model))
    assert float(keras.ops.convert_to_numpy(model.optimizer.dynamic_scale.value)) == 32.0
    return [row["loss"] for row in result.history]


if __name__ == "__main__":
    assert jax.device_count() == 4
    folder = Path(sys.argv[1])
    expected = {name: reference(name) for name in OPTIMIZERS}
    for strategy, parts, names in CASES:
        open_devices(strategy)
        for name in names:
            model = small_model(OPTIMIZERS[name]())
            what = f"{name}, {replicas_of(model).count} replicas, {parts} parts"
            result = trained(model, folder / what, accumulate_steps=parts)
            assert_as_reference(result, model, expected[name], what)
    losses = {}
    for strategy in ("one", "mesh"):
        open_devices(strategy)
        losses[strategy] = check_overflow(folder, strategy)
    # The relative rounding of float16 is 2 ** -11.
    np.testing.assert_allclose(losses["mesh"], losses["one"], rtol=2**-10)
    print("overflow on one device")
