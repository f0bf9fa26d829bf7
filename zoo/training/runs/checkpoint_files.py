"""Checkpoints on disk: one folder each, complete or absent, with checksums and without pickles.

`checkpoint-00001000/` holds `model.npz`, `optimizer.npz` and `random.npz` (arrays "0", "1", ... in the order of the
variables) and `state.json` (the run's state, the dtypes, the sha256 of the other files and of itself).
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import ml_dtypes  # noqa: F401  registers bfloat16 with numpy
import numpy as np

from zoo.errors import UserError
from zoo.writing import writing

_PREFIX = "checkpoint-"
_PARTIAL = ".partial-"
_REPLACED = f"{_PARTIAL}replaced-"


class DamagedCheckpointError(UserError):
    """A checkpoint that is incomplete or was altered; the message names the file."""


def _sha256(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _state_digest(state):
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storable(array):
    # numpy's format knows none of the narrow floats of ml_dtypes; their bits travel as integers.
    return array.view(f"u{array.dtype.itemsize}") if array.dtype.kind == "V" else array


def checkpoint_paths(directory) -> list[Path]:
    """The complete checkpoints in a folder, oldest first; an empty list if there is no folder."""
    found = [path for path in Path(directory).glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdigit()]
    return sorted(found, key=checkpoint_step)


def remove_partial_checkpoints(directory):
    """Deletes what interrupted writes left behind; a checkpoint whose successor had no name yet gets its own back."""
    for path in Path(directory).glob(f"{_PARTIAL}*"):
        before = path.with_name(path.name.removeprefix(_REPLACED))
        if before.name.startswith(_PREFIX) and not before.exists():
            path.rename(before)
        else:
            shutil.rmtree(path)


def remove_checkpoint(path):
    """Deletes a checkpoint; first its name, so that half of one never looks like a whole."""
    doomed = path.with_name(f"{_PARTIAL}removed-{path.name}")
    path.rename(doomed)
    shutil.rmtree(doomed)


def checkpoint_step(path) -> int:
    """The update number in a checkpoint's name."""
    return int(path.name[len(_PREFIX) :])


def write_checkpoint(directory, step, arrays, state) -> Path:
    """Writes a checkpoint under another name, then renames it; one of the same step is replaced.

    Args:
        directory: Folder of the checkpoints; made if missing.
        step: Update number, which names the checkpoint.
        arrays: dict from file stem to a list of numpy arrays.
        state: JSON values.

    Returns:
        The folder of the new checkpoint.

    Raises:
        UserError: The disk is full or the folder cannot be written; checkpoints that exist stay as they are.
    """
    directory = Path(directory)
    final = directory / f"{_PREFIX}{step:08d}"
    partial = directory / f"{_PARTIAL}{final.name}"
    replaced = directory / f"{_REPLACED}{final.name}"
    advice = "free some space or choose another folder, then start again to go on from the checkpoint before"
    with writing(final, advice, "the checkpoint"):
        try:
            for path in (partial, replaced):
                shutil.rmtree(path, ignore_errors=True)
            partial.mkdir(parents=True)
            files = {}
            for stem, values in arrays.items():
                path = partial / f"{stem}.npz"
                np.savez(path, **{str(index): _storable(value) for index, value in enumerate(values)})
                _sync(path)
                files[path.name] = {"sha256": _sha256(path), "dtypes": [value.dtype.name for value in values]}
            state = {**state, "files": files}
            path = partial / "state.json"
            path.write_text(json.dumps({**state, "sha256": _state_digest(state)}, indent=1), encoding="utf-8")
            _sync(path)
            _sync(partial)
            if final.exists():
                final.rename(replaced)
            partial.rename(final)
            _sync(directory)
            shutil.rmtree(replaced, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return final


def read_state(path) -> dict:
    """Reads and verifies a checkpoint's `state.json`.

    Raises:
        DamagedCheckpointError: It is missing, cut short or altered.
    """
    path = Path(path) / "state.json"
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        if state.pop("sha256") != _state_digest(state):
            raise ValueError("checksum differs")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DamagedCheckpointError(f"{path}: damaged or missing ({error}): delete this checkpoint") from error
    return state


def read_arrays(path, stem) -> list[np.ndarray]:
    """Reads and verifies one list of arrays that `write_checkpoint` was given.

    Raises:
        DamagedCheckpointError: The file is missing, cut short or altered.
    """
    described = read_state(path)["files"].get(f"{stem}.npz")
    path = Path(path) / f"{stem}.npz"
    if described is None or not path.is_file() or _sha256(path) != described["sha256"]:
        raise DamagedCheckpointError(f"{path}: damaged or missing: delete this checkpoint")
    with np.load(path, allow_pickle=False) as stored:
        return [
            stored[str(index)].view(dtype) if np.dtype(dtype).kind == "V" else stored[str(index)]
            for index, dtype in enumerate(described["dtypes"])
        ]
