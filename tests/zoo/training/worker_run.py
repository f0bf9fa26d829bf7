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
    directory, check, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
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
    from tiny_run import weights_of

    from zoo.training.callbacks.validation import Validation
    from zoo.training.distributed.replicas import replicas_of

    if options.pop("recompute", False):
        check_recomputation(directory)
    fed = count_fed_rows()
    with devices.scope():
        if check == "overflow":
            model = model_of_float16()
            options["make"] = overflowing_batch
        else:
            model = small_model(OPTIMIZERS["adamw"]())
            options["make"] = with_sigterm(uneven_batch)
    if options.pop("validate", False):
        options |= dict(validation=Validation([uneven_batch(9, 0)]), validate_every_steps=STEPS)
    result = trained(model, directory, **options)
    report = {
        "fed": fed,
        "losses": [row["loss"] for row in result.history if row["kind"] == "train"],
        "val_nll": result.history[-1].get("val_nll"),
        "iterations": int(keras.ops.convert_to_numpy(model.optimizer.iterations.value)),
        "stop_reason": result.stop_reason,
        "step": result.step,
        "replicas": replicas_of(model).count,
        "chief": replicas_of(model).is_chief,
        "weights": float(sum(np.abs(each.astype("float64")).sum() for each in weights_of(model))),
    }
    if report["chief"]:
        np.savez(directory / "weights.npz", *weights_of(model))
    print(json.dumps(report))
    if keras.backend.backend() == "torch":
        import torch

        torch.distributed.destroy_process_group()
