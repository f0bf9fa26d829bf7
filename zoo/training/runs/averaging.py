"""The average of several checkpoints, which usually scores better than the last of them."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import UserError
from zoo.training.distributed.replicas import scope_of
from zoo.training.runs.checkpoint_files import checkpoint_paths, read_arrays, read_state
from zoo.training.runs.resume import assign_arrays, checkpoint_directory, model_state


def select_checkpoints(
    run_directory: str | Path, count: Any, metric: str | None = None, mode: str = "max"
) -> list[Path]:
    """Picks checkpoints of a run to average.

    Args:
        run_directory: Folder given to `train`.
        count: How many at most; fewer if there are fewer.
        metric: None for the newest; a name such as "val_bleu" for the best by that score.
        mode: "max" or "min", whether large scores are good.

    Returns:
        Folders, the newest or best first.

    Raises:
        UserError: There is none, or none has the score.
    """
    directory = checkpoint_directory(run_directory)
    paths = checkpoint_paths(directory)[::-1]
    if not paths:
        raise UserError(f"{directory}: no checkpoints to average: train first")
    if metric is None:
        return paths[:count]
    scores = {path: read_state(path)["metrics"].get(metric, math.nan) for path in paths}
    scored = [path for path in paths if not math.isnan(scores[path])]
    if not scored:
        raise UserError(f'{directory}: no checkpoint has a score "{metric}": average the last ones instead')
    return sorted(scored, key=scores.__getitem__, reverse=mode == "max")[:count]


def average_checkpoints(model: keras.Model, paths: Any) -> None:
    """Sets the model's weights to the mean of those in checkpoints.

    Sums are in float64. What is no float (the states of dropout seeds) comes from the first of `paths`.

    Args:
        model: Built model of the run.
        paths: Checkpoint folders, as `select_checkpoints` gives.

    Raises:
        UserError: No paths, a damaged checkpoint, or one of another model.
    """
    if not paths:
        raise UserError("no checkpoints to average")
    sums = None
    for path in paths:
        arrays = read_arrays(path, "model")
        if sums is None:
            sums = [array.astype(np.float64) if _is_float(array) else array for array in arrays]
            continue
        if [array.shape for array in arrays] != [total.shape for total in sums]:
            raise UserError(f"{path}: made by another model than {paths[0]}: average checkpoints of one run")
        for total, array in zip(sums, arrays, strict=True):
            if _is_float(array):
                total += array.astype(np.float64)
    means = [total / len(paths) if total.dtype == np.float64 else total for total in sums]
    with scope_of(model):
        assign_arrays(model_state(model), means, paths[0])


def _is_float(array):
    return keras.backend.is_float_dtype(array.dtype.name)
