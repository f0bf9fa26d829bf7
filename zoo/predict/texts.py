"""The texts to answer: lines, fields of JSON Lines or columns of CSV and TSV, from a file or standard input."""

import csv
import sys
from pathlib import Path
from typing import NamedTuple

from zoo.data.json_lines import JsonLines, field, text_field
from zoo.data.text_lines import MAX_LINE_BYTES, TextLines
from zoo.errors import UserError


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
    return ColumnTexts(lines, form, config.text_field, config.keep)


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
    """A column of each row of CSV or TSV; empty lines are skipped.

    Args:
        lines: `TextLines`. The first row is the header where a column is given by name.
        form: "csv", in which quoted fields may hold commas and line ends, or "tsv", without quoting.
        text: Column of the text: a name of the header, or a number from 0.
        keep: Columns to keep, likewise.
    """

    def __init__(self, lines, form, text, keep):
        self._lines, self._form, self._text, self._keep = lines, form, text, keep
        self._named = any(not name.isdecimal() for name in (text, *keep))

    def __iter__(self):
        """Yields `InputText`."""
        columns, width = None, None
        for fields, where in self._records():
            if columns is None:
                columns = {name: self._column(name, fields, where) for name in (self._text, *self._keep)}
                width = len(fields)
                if self._named:
                    continue
            if len(fields) != width:
                raise UserError(
                    f"{where}: has {len(fields)} columns, but the first line has {width}; is it parted by other "
                    "characters, or a quotation mark missing?"
                )
            yield InputText(fields[columns[self._text]], {name: fields[columns[name]] for name in self._keep})

    def _column(self, name, header, where):
        if name.isdecimal():
            if int(name) >= len(header):
                raise UserError(f"{where}: has no column {name}; its columns are 0 to {len(header) - 1}")
            return int(name)
        if header.count(name) != 1:
            problem = "twice" if name in header else "not"
            raise UserError(f"{where}: column {name!r} is {problem} in the header, which has {', '.join(header)}")
        return header.index(name)

    def _records(self):
        if self._form == "tsv":
            for number, line in enumerate(self._lines, 1):
                if line:
                    yield line.split("\t"), f"{self._lines.path}:{number}"
            return
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
        rows = csv.reader((f"{line}\n" for line in self._lines), strict=True)
        while True:
            where = f"{self._lines.path}:{rows.line_num + 1}"
            try:
                fields = next(rows, None)
            except csv.Error as error:
                raise UserError(
                    f"{where}: the record that begins here is not CSV ({error}); "
                    "is a quotation mark not closed or not doubled?"
                ) from error
            if fields is None:
                return
            if fields:
                yield fields, where
