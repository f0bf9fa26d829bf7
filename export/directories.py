"""What the directories given to a command are, so that swapped ones are refused before anything is done."""

from pathlib import Path

from zoo.checkpoints import is_preset
from zoo.checkpoints.hugging_face import is_hugging_face
from zoo.errors import UserError
from zoo.training.runs.run_directory import CONFIG_FILE as RUN_FILE

_ORDER = "the order is `python -m export PRESET_DIR SERVING_DIR`"


def check_preset_directory(directory):
    """Refuses a directory of versions, or one of them, in the place of a preset.

    Raises:
        UserError: naming what the directory is.
    """
    kind = _served(directory)
    if kind is not None and _source(directory) is None:
        raise UserError(f"{directory} is {kind}, not a preset; {_ORDER}")


def check_serving_directory(directory):
    """Refuses to write versions of a model where something else lies that is not to be mixed with them.

    Raises:
        UserError: for a run, a preset, a Hugging Face directory and one version of a model.
    """
    kind = _source(directory)
    if kind is not None:
        raise UserError(f"{directory} is {kind}, where no versions are written; {_ORDER}")
    _check_no_version(directory)


def check_served_directory(directory):
    """Refuses a directory that is there and will never hold versions to serve.

    Raises:
        UserError: for one version of a model; for a run, a preset and a Hugging Face directory without versions.
    """
    _check_no_version(directory)
    kind = _source(directory)
    if kind is not None and _served(directory) is None:
        raise UserError(
            f"{directory} is {kind}, not a serving directory: export it with `python -m export {directory} "
            "SERVING_DIR` and give SERVING_DIR"
        )


def _check_no_version(directory):
    if _is_version(directory):
        parent = Path(directory).resolve().parent
        raise UserError(f"{directory} is one version of a model; give its parent folder {parent}")


def _source(directory):
    """What an export reads from, in words; None for anything else."""
    if (Path(directory) / RUN_FILE).is_file():
        return "the directory of a run"
    if is_preset(directory):
        return "a preset"
    return "a Hugging Face directory" if is_hugging_face(directory) else None


def _served(directory):
    """What an export writes, in words; None for anything else."""
    if _is_version(directory):
        return "one version of a model"
    directory = Path(directory)
    versions = directory.iterdir() if directory.is_dir() else ()
    return "a serving directory" if any(path.name.isdecimal() and _is_version(path) for path in versions) else None


def _is_version(directory):
    return any((Path(directory) / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))
