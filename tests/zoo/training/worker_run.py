"""One of several workers that train together; started with TF_CONFIG, or under PyTorch with what `torchrun` sets.

Prints the numbers of the rows that it was fed, and the chief writes losses and weights to a file.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from zoo.training.devices import open_devices

if __name__ == "__main__":
    directory, check, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    devices = open_devices()

    from replica_cases import OPTIMIZERS, small_model, trained, uneven_batch
    from tiny_run import weights_of

    from zoo.training.batch_feed import BatchFeed
    from zoo.training.loss_scaling import LossScaleOptimizer
    from zoo.training.optimizers import build_optimizer
    from zoo.training.replicas import replicas_of
    from zoo.training.token_loss import TokenCrossEntropy

    fed = []
    read = BatchFeed._batches

    def counted(self):
        for batch in read(self):
            x, _, weights = batch
            fed.extend(x["number"][np.sum(weights, axis=1) > 0, 0].tolist())
            yield batch

    BatchFeed._batches = counted

    def with_overflow(epoch, index):
        x, labels, weights = uneven_batch(epoch, index)
        weights[1] *= 1e20 if index == 2 else 1.0
        return x, labels, weights

    with devices.scope():
        if check == "overflow":
            optimizer = LossScaleOptimizer(
                build_optimizer("adamw", 0.02, weight_decay=0.1, clip_norm=0.2), initial_scale=64.0
            )
            model = small_model(optimizer, "mixed_float16", loss=TokenCrossEntropy(reduction="sum"))
            options["make"] = with_overflow
        else:
            model = small_model(OPTIMIZERS["adamw"]())
    result = trained(model, directory, **options)
    report = {
        "fed": fed,
        "losses": [row["loss"] for row in result.history if row["kind"] == "train"],
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
