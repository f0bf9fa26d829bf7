"""One directory for one run: the resolved configuration in it says whose it is."""

import json
from dataclasses import asdict, fields
from pathlib import Path

from zoo.errors import UserError
from zoo.writing import write_whole, writing

CONFIG_FILE = "recipe.json"


FREE_FIELDS = ("directory", "max_minutes", "devices", "score_split")
"""What may differ when a run is taken up again."""


def check_run_directory(config, *, recipe):
    """Whether the run's directory holds a run of this very configuration; writes nothing.

    Args:
        config: A dataclass with a field `directory`.
        recipe: Name of the recipe.

    Raises:
        UserError: for a directory that holds something else; differing options are named.
    """
    directory = Path(config.directory)
    path = directory / CONFIG_FILE
    if path.is_file():
        _check_same(path, {"recipe": recipe, **_json_ready(config)})
        return True
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file; choose another --directory")
    if directory.is_dir() and any(each.name != f"{CONFIG_FILE}.partial" for each in directory.iterdir()):
        raise UserError(f"{directory} is not empty and holds no run; choose another --directory")
    return False


def claim_run_directory(config, *, recipe):
    """Writes the resolved configuration into the run's directory, once the run is known to be possible.

    Raises:
        UserError: as `check_run_directory`, or for a directory that cannot be written; it then holds no recipe.json.
    """
    if check_run_directory(config, recipe=recipe):
        return
    directory = Path(config.directory)
    content = json.dumps({"recipe": recipe, **_json_ready(config)}, indent=2) + "\n"
    with writing(directory / CONFIG_FILE, "free some space or choose another --directory"):
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(directory / CONFIG_FILE, content.encode())


def _json_ready(config):
    plain = asdict(config)
    return {field.name: _plain(plain[field.name]) for field in fields(config)}


def _plain(value):
    if isinstance(value, Path):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _check_same(path, resolved):
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); choose another --directory") from error
    names = [name for name in {**stored, **resolved} if name not in FREE_FIELDS]
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
