"""One of several workers that train together; started with TF_CONFIG, or under PyTorch with what `torchrun` sets.

Prints the numbers of the rows that it was fed, and the chief writes losses and weights to a file.
"""

import functools
import json
import sys
from pathlib import Path

import keras
import numpy as np

from zoo.training.devices import open_devices


def check_recomputation(directory):
    """A GPT-2 whose blocks recompute learns with the other workers what this one learns alone without."""
    from mesh_cases import batch, calls_of_blocks, compiled, gpt2, on_one_device
    from replica_cases import assert_as_reference, trained

    expected, _ = on_one_device("GPT-2")

    def train_one(recompute):
        model = compiled(gpt2, recompute=recompute)
        run = dict(make=functools.partial(batch, "GPT-2"), accumulate_steps=2)
        result = trained(model, directory / str(recompute), **run)
        assert_as_reference(result, model, expected, "blocks that recompute")

    kept, recomputed = (calls_of_blocks(lambda each=each: train_one(each)) for each in (False, True))
    assert recomputed == 2 * kept > 0, (recomputed, kept)


if __name__ == "__main__":
    directory, check, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    devices = open_devices()

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

    from zoo.training.replicas import replicas_of
    from zoo.training.validation import Validation

    recompute = options.pop("recompute", False)
    if recompute:
        check_recomputation(directory / "recomputed")
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
        "recomputed": recompute,
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
