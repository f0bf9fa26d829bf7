"""What every recipe leaves and says at its end: results.json and one line."""

import json
import resource

import keras

from zoo.writing import write_whole, writing


def training_facts(model, result, checkpoints, speed="labels_per_second"):
    """What results.json says about the training itself, a dict.

    Args:
        model: The final model.
        result: `zoo.training.TrainingResult`.
        checkpoints: Paths of the checkpoints whose average the model is.
        speed: What the median of the history's tokens per second is called.

    Of what is measured and not known, such as the utilisation of an unknown device (`mfu`), there is None.
    """
    rows = [row for row in result.history if row["kind"] == "train"]
    validations = [row["val_seconds"] for row in result.history if row["kind"] == "validation"]
    return {
        "parameters": model.count_params(),
        "updates": result.step,
        "stop_reason": result.stop_reason,
        "training_minutes": result.elapsed_seconds / 60,
        "validation_minutes": sum(validations) / 60,
        speed: _median(rows, "tokens_per_second"),
        "model_flops_per_second": _median(rows, "model_flops_per_second"),
        "mfu": _median(rows, "mfu"),
        "compiled_shapes": result.compiled_shapes,
        "averaged_checkpoints": [path.name for path in checkpoints],
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "backend": keras.config.backend(),
    }


def _median(rows, name):
    """The median of a value over the rows that have it; None if none does."""
    values = sorted(row[name] for row in rows if name in row)
    return values[len(values) // 2] if values else None


def write_results(directory, results):
    """Writes results.json.

    Raises:
        UserError: The disk is full or the directory cannot be written; earlier results stay as they were.
    """
    path = directory / "results.json"
    with writing(path):
        write_whole(path, (json.dumps(results, indent=2) + "\n").encode())


def write_texts(path, texts):
    """Writes what a model wrote about the texts of a split, each in a line.

    Raises:
        UserError: The disk is full or the directory cannot be written; an earlier file stays as it was.
    """
    with writing(path):
        write_whole(path, "".join(text.replace("\n", " ") + "\n" for text in texts).encode())


def print_ending(console, results, directory, leaves):
    """Prints how long training took and what the run directory holds."""
    shapes = results["compiled_shapes"]
    compiled = f" (batch shapes compiled: {shapes})" if shapes else ""
    console.print(
        f"{results['updates']} updates in {results['training_minutes']:.1f} minutes{compiled}; {leaves} in {directory}",
        highlight=False,
    )
