"""One of several processes of JAX that train a GPT-2 on a mesh; prints a report as JSON.

    python jax_worker_run.py DIRECTORY EXPECTED DATA_AXIS MODEL_AXIS

The first process then goes on alone, and compares what it has with what one device comes to (EXPECTED, an .npz file).
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from zoo.training.distributed.devices import open_devices

if __name__ == "__main__":
    open_devices("auto", tuple(map(int, sys.argv[3:])))

    from mesh_cases import ROWS, batch, compiled, gpt2
    from replica_cases import STEPS, assert_as_reference, count_fed_rows, trained, with_sigterm

    from zoo.training.callbacks.validation import Validation
    from zoo.training.distributed.jax_processes import part_processes
    from zoo.training.distributed.layouts import whole_value
    from zoo.training.distributed.replicas import replicas_of
    from zoo.training.runs.checkpoint_files import checkpoint_paths, read_arrays

    def numbered(epoch, index):
        """A batch whose rows say their numbers."""
        x, labels, weights = batch("GPT-2", epoch, index)
        return {**x, "number": ROWS * (5 * epoch + index) + np.arange(ROWS, dtype="int32")[:, None]}, labels, weights

    fed = count_fed_rows()
    directory = Path(sys.argv[1])
    unseen = batch("GPT-2", 1000, 0)
    validation = Validation([unseen])
    chief = replicas_of(None).is_chief
    for steps, options in ((3, {}), (STEPS, dict(validation=validation, validate_every_steps=STEPS))):
        model = compiled(gpt2)
        result = trained(model, directory, steps=steps, make=with_sigterm(numbered), **options)
    report = {"chief": chief, "replicas": replicas_of(model).count, "fed": fed, **result.history[-1]}
    if chief:
        # What one process computes, the other need not.
        from zoo.tasks.inference import compile_inference

        logits_of = compile_inference(model, lambda token_ids: model({"token_ids": token_ids}))
        found = np.asarray(logits_of(token_ids=keras.ops.convert_to_tensor(unseen[0]["token_ids"])))

    part_processes(model)
    if chief:
        np.testing.assert_allclose(validation.evaluate(model)["nll"], report["val_nll"], rtol=2e-6)
        (newest,) = checkpoint_paths(directory / "checkpoints")[-1:]
        for array, variable in zip(read_arrays(newest, "model"), model.variables, strict=True):
            np.testing.assert_array_equal(array, whole_value(variable))
        with np.load(sys.argv[2]) as expected:
            losses, logits, *weights = (expected[f"arr_{index}"] for index in range(len(expected)))
        assert_as_reference(result, model, (losses, weights), "several processes")
        np.testing.assert_allclose(found, logits, atol=1e-5)
        _, labels, real = unseen
        nll = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, labels[..., None], -1)[..., 0]
        np.testing.assert_allclose((nll * real).sum() / real.sum(), report["val_nll"], rtol=1e-5)
    print(json.dumps(report))
