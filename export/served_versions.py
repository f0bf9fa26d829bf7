"""The versions in a serving directory, and which of them servers load and label: `models.config`, read and written."""

import contextlib
import fcntl
import os
from pathlib import Path

from export.generated_files import is_taken_over, marked
from export.serving_files import (
    COMPOSE,
    MODELS_CONFIG,
    ServedVersions,
    check_model_name,
    compose,
    image_of_compose,
    models_config,
    read_models_config,
)
from zoo.errors import UserError
from zoo.writing import write_whole, writing


def published_versions(serving_directory):
    """Numbers of the versions in a serving directory, ascending.

    Raises:
        UserError: if there are none.
    """
    directory = Path(serving_directory)
    if not directory.is_dir():
        raise UserError(f"{directory}: no such folder; give the one that holds the versions (1, 2, ...)")
    versions = sorted(
        int(path.name)
        for path in directory.iterdir()
        if path.name.isascii() and path.name.isdecimal() and (path / "saved_model.pb").is_file()
    )
    if not versions:
        raise UserError(
            f"{directory} holds no version of a model; write one with `python -m export PRESET_DIR {directory}`"
        )
    return versions


def read_served_versions(serving_directory):
    """What `models.config` of a serving directory says, a `ServedVersions`.

    Raises:
        UserError: if somebody has edited the file.
    """
    path = Path(serving_directory) / MODELS_CONFIG
    if not path.is_file():
        return ServedVersions(check_model_name(None, serving_directory))
    served = read_models_config(path.read_text(encoding="utf-8", errors="replace"))
    if is_taken_over(path) or served is None:
        raise UserError(
            f"{path} has been edited: set version_labels and model_version_policy in it yourself, "
            "or delete it to have it written anew"
        )
    return served


def write_served_versions(serving_directory, served):
    """Writes `models.config`, and `compose.yaml` as this version of the package has it unless somebody has edited it.

    Raises:
        UserError: if a file cannot be written; it then stays as it was.
    """
    directory = Path(serving_directory)
    path = directory / COMPOSE
    files = {MODELS_CONFIG: models_config(served)}
    if path.is_file() and not is_taken_over(path):
        image = image_of_compose(path.read_text(encoding="utf-8"))
        if image is not None:
            files = {COMPOSE: compose(served.name, image), **files}
    for name, content in files.items():
        with writing(directory / name, "free some space or make the folder writable, then give the command again"):
            write_whole(directory / name, marked(name, content).encode())


@contextlib.contextmanager
def configuration_lock(serving_directory):
    """A context in which nobody else changes the configuration of a serving directory."""
    descriptor = os.open(serving_directory, os.O_RDONLY)
    try:
        # Some file systems have no locks.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
