"""The texts to answer: lines, fields of JSON Lines or columns of CSV and TSV, from a file or standard input."""

import sys
from pathlib import Path
from typing import NamedTuple

from zoo.data.readers.json_lines import JsonLines, field, text_field
from zoo.data.readers.tables import named_column, open_table
from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError


class InputText(NamedTuple):
    """One row.

    Attributes:
        texts: Its texts, one for each input of the model.
        kept: Fields to repeat in its answer, by name.
    """

    texts: tuple[str, ...]
    kept: dict


def open_texts(config, inputs=("text",)):
    """A re-iterable of `InputText`; of standard input it can be iterated once.

    Args:
        config: A `PredictConfig`.
        inputs: Names of the texts that the model takes.

    Raises:
        UserError: for a missing, empty or unreadable file, and while iterating, with file and line, for whatever the
            readers refuse.
    """
    form, fields = config.found_input_format, config.text_field or inputs
    if len(fields) != len(inputs):
        raise UserError(f"--text-field names {len(fields)} fields; the model takes {', '.join(inputs)}")
    if form == "lines" and len(inputs) > 1:
        raise UserError(f"the model takes {', '.join(inputs)}; give JSON Lines or a table with a field for each")
    lines = StandardInput() if config.input == "-" else TextLines(config.input)
    if form == "lines":
        return LineTexts(lines)
    if form == "jsonl":
        return JsonTexts(JsonLines(lines), fields, config.keep)
    return ColumnTexts(lines, form, fields, config.keep, config.delimiter)


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
            yield InputText((line,), {})


class JsonTexts:
    """Fields of each row of JSON Lines; empty lines are skipped.

    Args:
        rows: `JsonLines`.
        fields: Those of the texts; a dot reaches into nested objects.
        keep: Fields to keep, likewise.
    """

    def __init__(self, rows, fields, keep):
        self._rows, self._fields, self._keep = rows, fields, keep

    def __iter__(self):
        """Yields `InputText`."""
        for row, where in self._rows:
            kept = {name: field(row, name, where) for name in self._keep}
            yield InputText(tuple(text_field(row, name, where) for name in self._fields), kept)


class ColumnTexts:
    """Columns of each row of a table; empty lines are skipped.

    Args:
        lines: `TextLines`. The first row is the header where a column is given by name.
        form: "csv", in which quoted fields may hold delimiters and line ends, or "tsv", without quoting.
        fields: Columns of the texts: names of the header, or numbers from 0.
        keep: Columns to keep, likewise.
        delimiter: What parts the columns, see `zoo.data.readers.tables.open_table`; None for what the form says.
    """

    def __init__(self, lines, form, fields, keep, delimiter=None):
        self._names, self._num_texts = list(keep), len(fields)
        self._columns = [named_column(name) for name in (*fields, *keep)]
        named = any(isinstance(column, str) for column in self._columns)
        self._table = open_table(lines, named, delimiter, form)

    def __iter__(self):
        """Yields `InputText`."""
        for values, _ in self._table.rows(self._columns):
            texts, kept = values[: self._num_texts], values[self._num_texts :]
            yield InputText(tuple(texts), dict(zip(self._names, kept, strict=True)))
