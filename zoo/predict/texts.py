"""The texts to answer: lines, fields of JSON Lines or columns of CSV and TSV, from a file or standard input."""

import sys
from pathlib import Path
from typing import NamedTuple

from zoo.data.readers.json_lines import JsonLines, field, text_field
from zoo.data.readers.tables import named_column, open_table
from zoo.data.readers.text_lines import TextLines


class InputText(NamedTuple):
    """One text.

    Attributes:
        text: The text.
        kept: Fields to repeat in its answer, by name.
    """

    text: str
    kept: dict


def open_texts(config):
    """A re-iterable of `InputText`; of standard input it can be iterated once.

    Args:
        config: A `PredictConfig`.

    Raises:
        UserError: for a missing, empty or unreadable file, and while iterating, with file and line, for whatever the
            readers refuse.
    """
    form = config.found_input_format
    lines = StandardInput() if config.input == "-" else TextLines(config.input)
    if form == "lines":
        return LineTexts(lines)
    if form == "jsonl":
        return JsonTexts(JsonLines(lines), config.text_field, config.keep)
    return ColumnTexts(lines, form, config.text_field, config.keep, config.delimiter)


class StandardInput(TextLines):
    """The lines of standard input, which can be read once."""

    def __init__(self):
        self.path = Path("standard input")

    def raw_lines(self):
        """Yields the lines as undecoded bytes, line ends included."""
        yield from self._lines_of(sys.stdin.buffer)


class LineTexts:
    """Each line a text.

    Args:
        lines: `TextLines`.
    """

    def __init__(self, lines):
        self._lines = lines

    def __iter__(self):
        """Yields `InputText`."""
        for line in self._lines:
            yield InputText(line, {})


class JsonTexts:
    """A field of each row of JSON Lines; empty lines are skipped.

    Args:
        rows: `JsonLines`.
        text: Field of the text; a dot reaches into nested objects.
        keep: Fields to keep, likewise.
    """

    def __init__(self, rows, text, keep):
        self._rows, self._text, self._keep = rows, text, keep

    def __iter__(self):
        """Yields `InputText`."""
        for row, where in self._rows:
            kept = {name: field(row, name, where) for name in self._keep}
            yield InputText(text_field(row, self._text, where), kept)


class ColumnTexts:
    """A column of each row of a table; empty lines are skipped.

    Args:
        lines: `TextLines`. The first row is the header where a column is given by name.
        form: "csv", in which quoted fields may hold delimiters and line ends, or "tsv", without quoting.
        text: Column of the text: a name of the header, or a number from 0.
        keep: Columns to keep, likewise.
        delimiter: What parts the columns, see `zoo.data.readers.tables.open_table`; None for what the form says.
    """

    def __init__(self, lines, form, text, keep, delimiter=None):
        self._names = list(keep)
        self._columns = [named_column(name) for name in (text, *keep)]
        named = any(isinstance(column, str) for column in self._columns)
        self._table = open_table(lines, named, delimiter, form)

    def __iter__(self):
        """Yields `InputText`."""
        for (text, *kept), _ in self._table.rows(self._columns):
            yield InputText(text, dict(zip(self._names, kept, strict=True)))
