"""One directory for one run: the resolved configuration in it says whose it is."""

import json
from dataclasses import asdict, fields
from pathlib import Path

from zoo.errors import UserError

CONFIG_FILE = "recipe.json"


def claim_run_directory(config, *, recipe, free_fields=("directory", "max_minutes")):
    """Writes the resolved configuration into the run's directory, or checks that the one there is the same.

    Args:
        config: A dataclass with a field `directory`.
        recipe: Name of the recipe.
        free_fields: Fields that may differ when a run is taken up again.

    Returns:
        Whether the directory held a run of this configuration already.

    Raises:
        UserError: for a directory that holds another run (the differing options are named) or cannot be written.
    """
    directory = Path(config.directory)
    path = directory / CONFIG_FILE
    resolved = {"recipe": recipe, **_json_ready(config)}
    if path.is_file():
        _check_same(path, resolved, free_fields)
        return True
    if directory.is_dir() and any(directory.iterdir()):
        raise UserError(f"{directory} is not empty and holds no run; choose another --directory")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(resolved, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write to {directory}: {error.strerror or error}; choose another --directory"
        ) from error
    return False


def _json_ready(config):
    plain = asdict(config)
    return {field.name: _plain(plain[field.name]) for field in fields(config)}


def _plain(value):
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _check_same(path, resolved, free_fields):
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); choose another --directory") from error
    names = [name for name in {**stored, **resolved} if name not in free_fields]
    differing = [name for name in names if stored.get(name) != resolved.get(name)]
    if differing:
        options = ", ".join(
            f"{name} {_shown(stored.get(name))} instead of {_shown(resolved.get(name))}" for name in differing
        )
        raise UserError(
            f"{path.parent} holds a run with {options}; choose another --directory, or give the same options to go on"
        )


def _shown(value):
    return json.dumps(value, ensure_ascii=False)
