"""Training on a mesh of four devices under JAX; run as a program, which prints the checks it has made."""

import sys
from pathlib import Path

import jax
from replica_cases import OPTIMIZERS, assert_as_reference, reference, small_model, trained

from zoo.training.devices import open_devices
from zoo.training.replicas import replicas_of

if __name__ == "__main__":
    assert jax.device_count() == 4
    expected = {name: reference(name) for name in OPTIMIZERS}
    for strategy, parts in (("one", 2), ("mesh", 1), ("mesh", 2)):
        open_devices(strategy)
        for name, make_optimizer in OPTIMIZERS.items():
            model = small_model(make_optimizer())
            what = f"{name}, {replicas_of(model).count} replicas, {parts} parts"
            result = trained(model, Path(sys.argv[1]) / what, accumulate_steps=parts)
            assert_as_reference(result, model, expected[name], what)
