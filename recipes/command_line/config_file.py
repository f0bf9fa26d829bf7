"""Options of a recipe in a file, TOML or JSON: what the command line starts from."""

import difflib
import json
import re
import tomllib
import types
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

from zoo.errors import UserError


class ConfigFile:
    """A file of options, such as the recipe.json that every run saves.

    Keys are the options' names with underscores; those on devices may be a table `devices`, as runs save them. As on
    the command line, paths are relative to the working directory, and "None" stands for no value.

    Args:
        path: A .toml or .json file.
        config_class: The recipe's dataclass of options.
        recipe: Name of the recipe.

    Attributes:
        values: dict from field names to values, those of the fields that are dataclasses themselves likewise.

    Raises:
        UserError: for a file that cannot be read or is another recipe's, an unknown key, and a value of another type.
    """

    def __init__(self, path, config_class, recipe):
        self.path = Path(path)
        content = _read(self.path)
        of = content.pop("recipe", recipe)
        if of != recipe:
            raise UserError(f"{path}: it is of recipes.{of}, not of recipes.{recipe}")
        self.values = self._checked(content, config_class, "")

    def _checked(self, table, config_class, prefix):
        hints = get_type_hints(config_class, include_extras=True)
        groups = {name: hint for name, hint in hints.items() if is_dataclass(_plain(hint))}
        values = {}
        for key, value in table.items():
            group = next((name for name, hint in groups.items() if key in _names(_plain(hint))), None)
            if key in groups:
                if not isinstance(value, dict):
                    raise UserError(f"{self.path}: {prefix}{key} must be a table, not {_shown(value)}")
                found = self._checked(value, _plain(groups[key]), f"{prefix}{key}.")
                twice = next(iter(found.keys() & values.get(key, {}).keys()), None)
                if twice is not None:
                    raise UserError(f"{self.path}: {twice} is given twice, as {twice} and as {prefix}{key}.{twice}")
                values.setdefault(key, {}).update(found)
            elif group is not None:
                if key in values.get(group, {}):
                    raise UserError(f"{self.path}: {key} is given twice, as {key} and as {prefix}{group}.{key}")
                values.setdefault(group, {}).update(self._checked({key: value}, _plain(groups[group]), prefix))
            elif key in hints:
                values[key] = self._converted(hints[key], value, f"{prefix}{key}")
            else:
                known = [*hints, *(name for hint in groups.values() for name in _names(_plain(hint)))]
                close = difflib.get_close_matches(key.replace("-", "_"), known, 1)
                advice = f"; did you mean {close[0]}?" if close else "; --help lists the options"
                raise UserError(f"{self.path}: there is no option {prefix}{key}{advice}")
        return values

    def _converted(self, hint, value, key):
        found = _convert(_plain(hint), value)
        if found is _NOT_ONE:
            raise UserError(f"{self.path}: {key} must be {_described(_plain(hint))}, not {_shown(value)}")
        return found

    def explained(self, error, argv):
        """The error of options that do not go together, by the keys of this file as far as they are from here.

        Args:
            error: `UserError` that names options as on the command line.
            argv: The options on the command line, which hide those of the file.
        """
        given = {name for values in (self.values, *self.values.values()) if isinstance(values, dict) for name in values}
        hidden = {word.partition("=")[0].lstrip("-").removeprefix("no-").replace("-", "_") for word in argv}
        mine = []

        def key(found):
            name = found.group(1).replace("-", "_")
            if name not in given - hidden:
                return found.group()
            mine.append(name)
            return name

        message = re.sub(r"--([a-z][a-z0-9-]*)", key, str(error))
        return UserError(f"{self.path}: {message}") if mine else error

    def applied_to(self, start):
        """A configuration like `start` with this file's values; not checked, because options may still change it."""
        return with_values(start, self.values)


_NOT_ONE = object()


def _read(path):
    if path.suffix not in (".toml", ".json"):
        raise UserError(f"--config {path}: the name must end in .toml or .json")
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text, object_pairs_hook=_distinct)
    except OSError as error:
        raise UserError(f"--config {path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # of tomllib, json and the decoder of UTF-8
        raise UserError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: it must hold an object of options, not {_shown(content)}")
    return content


def _distinct(pairs):
    """The dict of a JSON object, no key of which comes twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)} is given twice")
    return found


def _names(config_class):
    return [field.name for field in fields(config_class)]


def _plain(hint):
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _convert(hint, value):
    """A value of a file as one of the type; `_NOT_ONE` if it is none."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        choices = get_args(hint)
        if types.NoneType in choices and (value is None or value == "None"):
            return None
        found = (_convert(choice, value) for choice in choices if choice is not types.NoneType)
        return next((each for each in found if each is not _NOT_ONE), _NOT_ONE)
    if origin is Literal:
        return value if isinstance(value, str) and value in get_args(hint) else _NOT_ONE
    if origin is tuple:
        if not isinstance(value, list):
            return _NOT_ONE
        found = tuple(_convert(get_args(hint)[0], each) for each in value)
        return _NOT_ONE if _NOT_ONE in found else found
    if hint is Path:
        return Path(value) if isinstance(value, str) else _NOT_ONE
    if hint is float and type(value) is int:
        return float(value)
    return value if type(value) is hint else _NOT_ONE


def _described(hint):
    """A type in words."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_described(choice) for choice in get_args(hint) if choice is not types.NoneType)
    if origin is Literal:
        return "one of " + ", ".join(map(json.dumps, get_args(hint)))
    if origin is tuple:
        return f"a list, each {_described(get_args(hint)[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path, as a text"}
    return names[hint]


def _shown(value):
    return json.dumps(value, ensure_ascii=False, default=str)


def with_values(start, values):
    """A dataclass like `start` with other values, not checked."""
    changed = object.__new__(type(start))
    for name in _names(type(start)):
        old = getattr(start, name)
        new = values.get(name, old)
        object.__setattr__(changed, name, with_values(old, new) if is_dataclass(old) and new is not old else new)
    return changed
