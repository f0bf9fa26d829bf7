"""The preset directory: config.json, model.weights.h5 and tokenizer files, checked against their recorded hashes."""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import keras

from zoo.errors import UserError

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


def save_preset(directory, *, task, task_config, model, assets):
    """Writes a preset, replacing an earlier one in the same directory file by file, config.json last.

    A reader never takes a half-written preset for a whole one: config.json holds the SHA-256 of every other file.

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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".saving-", dir=directory))
    except OSError as error:
        raise UserError(f"cannot write a preset to {directory}: {error.strerror or error}") from error
    try:
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
            "model": keras.saving.serialize_keras_object(model),
            "files": {path.relative_to(staging).as_posix(): _fingerprint(path) for path in files},
        }
        (staging / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        for path in [*files, staging / CONFIG_FILE]:
            target = directory / path.relative_to(staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except OSError as error:
        raise UserError(f"cannot write a preset to {directory}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def is_preset(directory):
    """Whether a directory holds a config.json of this format, whole or not."""
    try:
        return json.loads((Path(directory) / CONFIG_FILE).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError):
        return False


def load_preset(directory, dtype=None):
    """Reads a preset and checks every file.

    Args:
        directory: A preset directory.
        dtype: A Keras dtype policy for the model, such as "mixed_bfloat16"; the saved one if None.

    Returns:
        A `Preset`.

    Raises:
        UserError: for a missing, truncated, altered or foreign file, naming it.
    """
    directory = Path(directory)
    config = _read_config(directory)
    for name, recorded in config["files"].items():
        _check_file(directory / name, recorded)
    model_config = config["model"]
    if dtype is not None:
        model_config = {**model_config, "config": {**model_config["config"], "dtype": dtype}}
    try:
        model = keras.saving.deserialize_keras_object(model_config)
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
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); save the preset again") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise UserError(f"{path} is not the configuration of a {FORMAT}")
    if config["format_version"] > FORMAT_VERSION:
        raise UserError(
            f"{path} is of format version {config['format_version']}, newer than {FORMAT_VERSION}; "
            "upgrade keras-transformer-zoo"
        )
    missing = {"task", "task_config", "model", "files"} - config.keys()
    if missing:
        raise UserError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}; save the preset again")
    return config


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
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else _digest(file)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _digest(file):
    """`hashlib.file_digest` for Python 3.10."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest
