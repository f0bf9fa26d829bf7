"""The preset directory: config.json, model.weights.h5 and tokenizer files, checked against their recorded hashes."""

import contextlib
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError
from zoo.writing import writing

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
FORMAT = "keras-transformer-zoo preset"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Preset:
    """What a preset directory holds.

    Attributes:
        directory: Where it was read from.
        task: Name of the task class.
        task_config: That class's own settings.
        model: The `keras.Model` with its weights.
    """

    directory: Path
    task: str
    task_config: dict
    model: keras.Model


def save_preset(
    directory: str | Path,
    *,
    task: str,
    task_config: dict[str, Any],
    model: keras.Model,
    assets: Mapping[str, Callable[[Path], Any]],
) -> None:
    """Writes a preset, replacing an earlier one in the same directory file by file, config.json last.

    A reader never takes a half-written preset for a whole one: config.json holds the SHA-256 of every other file and
    of its own content.

    Args:
        directory: Where to write; made if needed. Other files in it stay.
        task: Name of the task class.
        task_config: JSON-ready settings of the task.
        model: A built `keras.Model`.
        assets: Functions by sub-directory or file name, each of which writes that path when called with it.

    Raises:
        UserError: if the directory cannot be written, for example on a full disk. An earlier preset then stays whole.
    """
    directory = Path(directory)
    with writing(directory, "free some space or choose another folder, then save again", "the preset"):
        directory.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".saving-", dir=directory))
        try:
            _reserve(staging / WEIGHTS_FILE, model)
            with _without_optimizer(model):
                model.save_weights(staging / WEIGHTS_FILE)
            for name, write in assets.items():
                write(staging / name)
            files = sorted(path for path in staging.rglob("*") if path.is_file())
            config = {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "zoo_version": metadata.version("keras-transformer-zoo"),
                "keras_version": keras.__version__,
                "task": task,
                "task_config": task_config,
                "model": {**keras.saving.serialize_keras_object(model), "compile_config": None},
                "files": {path.relative_to(staging).as_posix(): _fingerprint(path) for path in files},
            }
            config["sha256"] = _config_digest(config)
            (staging / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            moves = [(path, directory / path.relative_to(staging)) for path in [*files, staging / CONFIG_FILE]]
            # What could refuse a file is found out before the first one is replaced.
            for _, target in moves:
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_dir():
                    raise UserError(f"cannot write a preset to {directory}: {target} is a directory; move it away")
            for path, target in moves:
                path.replace(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def _without_optimizer(model):
    """The model without the optimizer of its training, which Keras saves with the weights."""
    optimizer = getattr(model, "optimizer", None)
    model.optimizer = None
    try:
        yield
    finally:
        model.optimizer = optimizer


def _reserve(path, model):
    """Takes the room of a weights file, or raises OSError: HDF5 crashes the whole process when a disk fills up."""
    size = (1 << 20) + sum(_nbytes(weight) + 8192 for weight in model.variables)
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for _ in range(0, size, 1 << 20):
                file.write(bytes(1 << 20))


def _nbytes(weight):
    return math.prod(weight.shape) * (8 if weight.dtype.endswith("64") else 4)


def is_preset(directory: str | Path) -> bool:
    """Whether a directory holds a config.json of this format, whole or not."""
    try:
        return json.loads((Path(directory) / CONFIG_FILE).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def load_preset(directory: str | Path, dtype: Any = None) -> Preset:
    """Reads a preset and checks every file.

    Args:
        directory: A preset directory.
        dtype: A Keras dtype policy for the model, such as "mixed_bfloat16"; the saved one if None.

    Returns:
        A `Preset`.

    Raises:
        UserError: for a missing, truncated, altered or foreign file, naming it, and for an unknown `dtype`.
    """
    directory = Path(directory)
    if dtype is not None:
        _check_dtype(dtype)
    config = _read_config(directory)
    for name, recorded in config["files"].items():
        _check_file(directory / name, recorded)
    # Optimiser and loss are of training, whose classes need not be imported to use a model.
    model_config = {**config["model"], "compile_config": None}
    if dtype is not None:
        model_config = {**model_config, "config": {**model_config["config"], "dtype": dtype}}
    try:
        model = keras.saving.deserialize_keras_object(model_config)
        if not isinstance(model, keras.Model):
            raise TypeError(f"it describes a {type(model).__name__}, not a model")
        if not model.built:
            model.build(None)
        model.load_weights(directory / WEIGHTS_FILE)
    except (TypeError, ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{directory}: config.json and {WEIGHTS_FILE} do not make a model: {reason}") from error
    return Preset(directory=directory, task=config["task"], task_config=config["task_config"], model=model)


def _read_config(directory):
    path = directory / CONFIG_FILE
    if not directory.is_dir():
        raise UserError(f"{directory} is not a directory; give a preset directory, as a recipe or task.save writes it")
    if not path.is_file():
        raise UserError(f"{directory} is not a preset: it has no {CONFIG_FILE}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); copy the preset again") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise UserError(f"{path} is not the configuration of a {FORMAT}")
    version = config.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"{path} is of format version {version}, newer than {FORMAT_VERSION}; upgrade keras-transformer-zoo"
        )
    missing = {"task", "task_config", "model", "files"} - config.keys()
    if missing:
        raise UserError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}; copy the preset again")
    # A configuration without the sum, as another program may write it, is taken as it is.
    if config.get("sha256", _config_digest(config)) != _config_digest(config):
        raise UserError(
            f"{path} was altered after saving (its SHA-256 differs); copy the preset again, "
            'or remove its "sha256" entry if the change is meant'
        )
    return config


def _config_digest(config):
    """SHA-256 of a configuration's content, whatever its layout."""
    content = {name: value for name, value in config.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_dtype(dtype):
    try:
        keras.dtype_policies.get(dtype)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"dtype {dtype!r} is no Keras dtype policy; use for example float32, mixed_bfloat16 or mixed_float16"
        ) from error


def _check_file(path, recorded):
    if not path.is_file():
        raise UserError(f"{path} is missing; copy the preset again")
    found = _fingerprint(path)
    if found["bytes"] != recorded["bytes"]:
        raise UserError(
            f"{path} has {found['bytes']} bytes instead of {recorded['bytes']}: it is truncated or from another preset"
        )
    if found["sha256"] != recorded["sha256"]:
        raise UserError(f"{path} was altered after saving (its SHA-256 differs); copy the preset again")


def _fingerprint(path):
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}
