"""One of several workers that train together; started with TF_CONFIG, or under PyTorch with what `torchrun` sets.

Prints the numbers of the rows that it was fed, and the chief writes losses and weights to a file.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from zoo.training.distributed.devices import open_devices

if __name__ == "__main__":
    directory, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    devices = open_devices()

    from mesh_cases import check_recomputation
    from replica_cases import (
        OPTIMIZERS,
        STEPS,
        count_fed_rows,
        model_of_float16,
        overflowing_batch,
        small_model,
        trained,
        uneven_batch,
        with_sigterm,
    )
    from tiny_run import StepClock, weights_of

    from zoo.training.callbacks.validation import Validation
    from zoo.training.distributed.replicas import replicas_of
    from zoo.training.optimizers.build_optimizer import build_optimizer
    from zoo.training.optimizers.schedules import CosineDecay

    def timed_run():
        """Steps and learning rates of a run of 2 minutes, in which the chief's clock goes eight times as fast."""
        with devices.scope():
            model = small_model(build_optimizer("adam", CosineDecay(0.02, 2, 100)))
        clock = StepClock(seconds=4.0 if replicas_of(model).is_chief else 0.5)
        limits = dict(steps=100, max_minutes=2, ends_in_time=True)
        result = trained(model, directory / "timed", **limits, callbacks=[clock], clock=clock)
        return result.stop_reason, [(row["step"], row["learning_rate"]) for row in result.history]

    def overflowing_run():
        """What is left of a run in which the gradient of one row overflows."""
        with devices.scope():
            model = model_of_float16()
        result = trained(model, directory / "overflow", make=overflowing_batch)
        return {
            "losses": [row["loss"] for row in result.history],
            "iterations": int(keras.ops.convert_to_numpy(model.optimizer.iterations.value)),
            "weights": sum_of(model),
        }

    def sum_of(model):
        return float(sum(np.abs(each.astype("float64")).sum() for each in weights_of(model)))

    if options.pop("recompute", False):
        check_recomputation(directory)
    others = {}
    if options.pop("other_runs", False):
        others = {"timed": timed_run(), "overflow": overflowing_run()}
    fed = count_fed_rows()
    with devices.scope():
        model = small_model(OPTIMIZERS["adamw"]())
    options["make"] = with_sigterm(uneven_batch)
    if options.pop("validate", False):
        options |= dict(validation=Validation([uneven_batch(9, 0)]), validate_every_steps=STEPS)
    result = trained(model, directory, **options)
    report = {
        "fed": fed,
        "losses": [row["loss"] for row in result.history if row["kind"] == "train"],
        "val_nll": result.history[-1].get("val_nll"),
        "stop_reason": result.stop_reason,
        "step": result.step,
        "replicas": replicas_of(model).count,
        "chief": replicas_of(model).is_chief,
        "weights": sum_of(model),
        **others,
    }
    if report["chief"]:
        np.savez(directory / "weights.npz", *weights_of(model))
    print(json.dumps(report))
    if keras.backend.backend() == "torch":
        import torch

        torch.distributed.destroy_process_group()
