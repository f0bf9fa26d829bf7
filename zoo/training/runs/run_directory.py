"""One directory for one run: the resolved configuration in it says whose it is."""

import json
import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path

from zoo.errors import UserError
from zoo.training.callbacks.history import CSV_NAME, JSONL_NAME
from zoo.training.runs.checkpoint_files import checkpoint_paths
from zoo.training.runs.resume import checkpoint_directory
from zoo.writing import write_whole, writing

CONFIG_FILE = "recipe.json"

FREE_FIELDS = ("directory", "max_minutes", "devices", "score_split")
"""What may differ when a run is taken up again."""

TOKENIZERS = ("tokenizer", "source_tokenizer", "target_tokenizer")
"""Folders in which runs keep their tokenizers, for when they go on."""

# What a run writes before its first checkpoint.
_BEGINNINGS = (
    CONFIG_FILE,
    f"{CONFIG_FILE}.partial",
    *TOKENIZERS,
    JSONL_NAME,
    CSV_NAME,
    "progress.log",
    "checkpoints",
    "samples.txt",
    "tensorboard",
    "profile",
)


def check_run_directory(config, *, recipe):
    """Whether the run's directory holds a run of this very configuration; writes nothing.

    A directory in which nothing has been trained, because the process was killed before, may be taken with any options.

    Args:
        config: A dataclass with a field `directory`.
        recipe: Name of the recipe.

    Raises:
        UserError: for a directory that holds something else; differing options are named.
    """
    directory = Path(config.directory)
    path = directory / CONFIG_FILE
    if path.is_file():
        differing = _differing(path, {"recipe": recipe, **saved_form(config)})
        if differing and not _has_only_begun(directory):
            raise UserError(
                f"{directory} holds a run with {differing}; choose another --directory, or give the same options to "
                "go on"
            )
        return not differing
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file; choose another --directory")
    if directory.is_dir() and any(each.name != f"{CONFIG_FILE}.partial" for each in directory.iterdir()):
        raise UserError(f"{directory} is not empty and holds no run; choose another --directory")
    return False


def claim_run_directory(config, *, recipe):
    """Writes the resolved configuration into the run's directory, once the run is known to be possible.

    Returns:
        Whether the directory has become the run's now; it may have been before.

    Raises:
        UserError: as `check_run_directory`, or for a directory that cannot be written; it then holds no recipe.json.
    """
    if check_run_directory(config, recipe=recipe):
        return False
    directory = Path(config.directory)
    content = json.dumps({"recipe": recipe, **saved_form(config)}, indent=2) + "\n"
    existed = directory.is_dir()
    try:
        with writing(directory / CONFIG_FILE, "free some space or choose another --directory"):
            if existed:
                _remove_beginnings(directory)
            directory.mkdir(parents=True, exist_ok=True)
            write_whole(directory / CONFIG_FILE, content.encode())
    except UserError:
        if not existed and directory.is_dir():
            directory.rmdir()
        raise
    return True


def release_run_directory(config):
    """Takes a claim back where the run has left no checkpoint: what it wrote is removed, and the directory if empty."""
    directory = Path(config.directory)
    if not directory.is_dir() or checkpoint_paths(checkpoint_directory(directory)):
        return
    _remove_beginnings(directory)
    if not any(directory.iterdir()):
        directory.rmdir()


def _remove_beginnings(directory):
    for path in (directory / name for name in _BEGINNINGS):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _has_only_begun(directory):
    """Whether a directory holds nothing but what is there before the first update."""
    return all(
        path.name in (CONFIG_FILE, f"{CONFIG_FILE}.partial", *TOKENIZERS)
        or (path.name == JSONL_NAME and path.stat().st_size == 0)
        for path in directory.iterdir()
    )


def saved_form(config):
    """The fields of a configuration as JSON values, a dict.

    Those are left out whose metadata says `"saved": False`: they tell a command what to do and nothing about the run.
    """
    return {
        field.name: _plain(getattr(config, field.name)) for field in fields(config) if field.metadata.get("saved", True)
    }


def _plain(value):
    if is_dataclass(value):
        return saved_form(value)
    if isinstance(value, Path):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _differing(path, resolved):
    """The stored options that are other ones now, with both values; an empty str if there are none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); choose another --directory") from error
    names = [name for name in {**stored, **resolved} if name not in FREE_FIELDS]
    return ", ".join(
        f"{name} {_shown(stored.get(name))} instead of {_shown(resolved.get(name))}"
        for name in names
        if stored.get(name) != resolved.get(name)
    )


def _shown(value):
    return json.dumps(value, ensure_ascii=False)
