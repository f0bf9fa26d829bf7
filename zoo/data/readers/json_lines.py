"""Rows of a JSON Lines file: one JSON object per line, with errors that name file, line and field."""

import json

from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError


def _pairs(pairs):
    """An object's fields; a name that is there twice means two things."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the field {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return row


def _constant(name):
    raise ValueError(f"{name} is no JSON number")


_ONE_A_LINE = "write one object a line (jq -c . does, or of a list jq -c '.[]')"
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


class JsonLines:
    """The objects of a JSON Lines file, plain or gzip-compressed; every iteration reads it anew.

    Args:
        path: The file, or its `TextLines`. Empty lines are skipped.

    Raises:
        UserError: As `TextLines`, and while iterating for a line that is not a JSON object, or has a field twice.

    Example:
        >>> for row, where in JsonLines("train.jsonl"):
        ...     text = text_field(row, "text", where)
    """

    def __init__(self, path):
        self.lines = path if isinstance(path, TextLines) else TextLines(path)
        self.path = self.lines.path

    def __iter__(self):
        """Yields (row: dict, where: "file:line")."""
        for number, line in enumerate(self.lines, 1):
            if not line.strip():
                continue
            where = f"{self.path}:{number}"
            try:
                row = _DECODER.decode(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{where}: not valid JSON ({error}); {_ONE_A_LINE}") from error
            if not isinstance(row, dict):
                raise UserError(
                    f"{where}: must be a JSON object with named fields, not {json_type(row)}; {_ONE_A_LINE}"
                )
            yield row, where


def field(row, name, where):
    """The value of a field; a dot in the name reaches into nested objects.

    Raises:
        UserError: The row has no such field.
    """
    value = row
    for part in [name] if name in row else name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise UserError(f"{where}: has no field {name!r}; its fields are {', '.join(row) or 'none'}")
        value = value[part]
    return value


def text_field(row, name, where):
    """The text in a field, as `field` finds it.

    Raises:
        UserError: The row has no such field, or it is no text that UTF-8 can hold.
    """
    return checked_text(field(row, name, where), f"field {name!r}", where)


def checked_text(value, what, where):
    """Returns `value` if it is text that UTF-8 can hold.

    Args:
        value: Anything JSON can hold.
        what: What it is, for messages.
        where: Beginning of the messages.
    """
    if not isinstance(value, str):
        raise UserError(f"{where}: {what} must be text, not {json_type(value)}")
    # JSON may spell half of a surrogate pair ("\ud83d"), which no UTF-8 text and so no tokenizer can hold.
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise UserError(f"{where}: {what} holds half of a surrogate pair (\\ud800 to \\udfff)")
    if "\0" in value:
        raise UserError(f"{where}: {what} holds a NUL character (\\u0000), at which some programs end texts; remove it")
    return value


def json_type(value):
    """What a value is called in JSON, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
