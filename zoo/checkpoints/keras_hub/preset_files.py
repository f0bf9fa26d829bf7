"""The files of a KerasHub preset, and its package, which reads and writes them."""

import contextlib
import json
import warnings
from pathlib import Path
from typing import Any

from zoo.errors import UserError

CONFIG_FILE = "config.json"
TASK_FILE = "task.json"
PREPROCESSOR_FILE = "preprocessor.json"
LABELS_FILE = "labels.json"
"""Names of a classifier's classes, which KerasHub has no place for: written by this project and read by it alone."""


def is_keras_hub(directory: str | Path) -> bool:
    """Whether a directory is a preset of KerasHub, readable for the zoo or not."""
    try:
        config = json.loads((Path(directory) / CONFIG_FILE).read_text(encoding="utf-8"))
        return config["registered_name"].startswith("keras_hub>")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def class_name(directory: str | Path, file: str) -> str | None:
    """The `class_name` in a file of a preset; None if there is no such file.

    Raises:
        UserError: if the file is damaged.
    """
    path = Path(directory) / file
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("class_name")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); copy the preset again") from error


def import_keras_hub(directory: str | Path) -> Any:
    """The package keras_hub.

    Raises:
        UserError: if it is not installed, naming the directory that needs it.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise UserError(
            f"{directory} is a preset of KerasHub; install keras-transformer-zoo[hub] to use it ({error})"
        ) from error
    return keras_hub


@contextlib.contextmanager
def without_mask_warnings():
    """A context without KerasHub's warnings that T5's attention takes no masks of Keras: it is given its own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not support masking.*", UserWarning)
        yield
