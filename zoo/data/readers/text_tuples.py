"""Texts that belong together, such as questions and answers, with or without a score: CSV, TSV and JSON Lines files."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.data.readers.accepted_rows import AcceptedRows
from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.json_lines import field as json_field
from zoo.data.readers.tables import named_column, open_table
from zoo.errors import UserError


@dataclass(frozen=True)
class TextTuple:
    """Texts of a row.

    Attributes:
        texts: In the order of the columns asked for; none is empty.
        score: The row's number, or None where there is no column of scores.
        source: "file:line" of the row, for messages.
    """

    texts: tuple[str, ...]
    score: float | None = None
    source: str = field(default="", compare=False)


def read_tuples(
    path: Path,
    columns: Any,
    score: str | None = None,
    score_range: tuple[float, float] = (-math.inf, math.inf),
    delimiter: str | None = None,
) -> list[TextTuple]:
    """All rows of a file.

    Args:
        path: A .jsonl, .csv or .tsv file, or .gz after it.
        columns: Columns or fields of the texts; digits are a column's position from 0.
        score: Column or field of the score, likewise; None for none.
        score_range: The lowest and the highest score.
        delimiter: See `zoo.data.readers.tables.open_table`; of tables alone.

    Raises:
        UserError: for a file of another name, one that cannot be read or has no row; and with its line for an empty
            text, a score that is no number, and one out of range.
    """
    wanted = [*columns, *([] if score is None else [score])]
    if len(set(wanted)) < len(wanted):
        raise UserError(f"{path}: a column is named twice among {', '.join(wanted)}; name each once")
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        rows = _json_rows(path, columns, score)
    elif path.name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        rows = _table_rows(path, columns, score, delimiter)
    else:
        raise UserError(f"{path}: the name must end in .csv, .tsv or .jsonl (or .gz after it)")
    found = []
    for texts, value, where in rows:
        for name, text in zip(columns, texts, strict=True):
            check_not_empty(text, f"{where}: {name!r}")
        number = None if score is None else _number(value, f"{where}: {score!r}")
        if number is not None and not score_range[0] <= number <= score_range[1]:
            low, high = score_range
            raise UserError(
                f"{where}: the score {number:g} is not from {low:g} to {high:g}; give --score-low and --score-high"
            )
        found.append(TextTuple(tuple(texts), number, where))
    if not found:
        raise UserError(f"{path}: has no row, only a header or empty lines; is it the right file?")
    return found


def check_not_empty(text: str, what: str) -> None:
    """Refuses a text of nothing but blanks, which has no meaning to learn a vector of.

    Raises:
        UserError: beginning with `what`.
    """
    if not text.strip():
        raise UserError(f"{what} is empty; remove the row or fill it in")


def _json_rows(path, columns, score):
    for row, where in AcceptedRows(JsonLines(path), [*columns, *([] if score is None else [score])]):
        texts = [text_field(row, name, where) for name in columns]
        yield texts, None if score is None else json_field(row, score, where), where


def _table_rows(path, columns, score, delimiter):
    named = [named_column(name) for name in [*columns, *([] if score is None else [score])]]
    table = open_table(path, any(isinstance(name, str) for name in named), delimiter)
    table.check(named)
    for values, where in table.rows(named):
        yield values[: len(columns)], None if score is None else values[-1], where


def _number(value, what):
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{what} must hold a number such as 3 or 0.25, not {value!r:.40}")
    return number
