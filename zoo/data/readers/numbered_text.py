"""Texts with numbers, as text regressors are scored on: readers of CSV, TSV and JSON Lines files, plain or .gz."""

import math
from dataclasses import dataclass, field

from zoo.data.readers.accepted_rows import AcceptedRows
from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.json_lines import field as json_field
from zoo.data.readers.tables import named_column, open_table
from zoo.errors import UserError


@dataclass(frozen=True)
class NumberedText:
    """A text, or a pair of texts, and its numbers.

    Attributes:
        text: The text, or the first of a pair.
        values: Finite numbers, in the order of the columns asked for.
        source: "file:line" of the text, for messages.
        text_pair: The second text of a pair; None for a single text.
    """

    text: str
    values: tuple[float, ...]
    source: str = field(default="", compare=False)
    text_pair: str | None = None


def read_numbers(path, text, columns, delimiter=None, text_pair=None):
    """All texts of a file with their numbers.

    Args:
        path: `pathlib.Path` of a .jsonl, .csv or .tsv file, or .gz after it.
        text: Column or field of the text; digits are a column's position from 0.
        columns: Columns or fields of the numbers, likewise. A single field of JSON Lines may hold a list of them.
        delimiter: See `zoo.data.readers.tables.open_table`; of tables alone.
        text_pair: Column or field of the second text of a pair, like `text`; None for single texts.

    Returns:
        list of `NumberedText`, all with as many numbers.

    Raises:
        UserError: For a file of another name, one that cannot be read or has no text, and a line whose numbers are
            none, naming it.
    """
    texts = [text] if text_pair is None else [text, text_pair]
    named = [*texts, *columns]
    if len(set(named)) < len(named):
        raise UserError(f"{path}: a column is named twice among {', '.join(named)}; name each once")
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        found = list(_json_lines(path, texts, columns))
    elif path.name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        found = list(_table(path, texts, columns, delimiter))
    else:
        raise UserError(f"{path}: the name must end in .csv, .tsv or .jsonl (or .gz after it)")
    if not found:
        raise UserError(f"{path}: has no text, only a header or empty lines; is it the right file?")
    for each in found:
        if len(each.values) != len(found[0].values):
            raise UserError(
                f"{each.source}: holds {len(each.values)} numbers where the first text has {len(found[0].values)}"
            )
    return found


def _json_lines(path, texts, columns):
    for row, where in AcceptedRows(JsonLines(path), [*texts, *columns]):
        values = [json_field(row, name, where) for name in columns]
        if len(values) == 1 and isinstance(values[0], list):
            names, values = [f"{columns[0]}[{place}]" for place in range(len(values[0]))], values[0]
        else:
            names = columns
        numbers = tuple(_number(value, f"field {name!r}", where) for name, value in zip(names, values, strict=True))
        text, *pair = (text_field(row, name, where) for name in texts)
        yield NumberedText(text, numbers, where, *pair)


def _table(path, texts, columns, delimiter):
    columns = [*map(named_column, texts), *map(named_column, columns)]
    table = open_table(path, any(isinstance(column, str) for column in columns), delimiter)
    table.check(columns)
    for found, where in table.rows(columns):
        (text, *pair), values = found[: len(texts)], found[len(texts) :]
        named = zip(columns[len(texts) :], values, strict=True)
        numbers = tuple(_number(value, f"column {name!r}", where) for name, value in named)
        yield NumberedText(text, numbers, where, *pair)


def _number(value, what, where):
    number = math.nan
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{where}: {what} must hold a number such as 3 or 0.25, not {value!r:.40}")
    return number
