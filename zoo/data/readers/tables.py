"""Rows of tables: CSV files, with quotation marks, and TSV files, without."""

import abc
import csv
import re
from collections.abc import Iterator
from typing import NamedTuple

from zoo.data.readers.text_lines import MAX_LINE_BYTES, TextLines
from zoo.errors import UserError

DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "tab"}
"""What parts the columns of tables that people have, and how to spell it on a command line."""


class _Record(NamedTuple):
    """A row: its fields, the number of its first line, and that line."""

    fields: list[str]
    number: int
    line: str


class Table(abc.ABC):
    """The rows of a table; every row has as many columns as the first one.

    Args:
        path: File, plain or gzip-compressed, or its `TextLines`. Empty lines are skipped.
        has_header: Whether the first row holds the names of the columns.

    Attributes:
        lines: `TextLines` of the file.
        path: The file.

    Raises:
        UserError: For a missing, empty or unreadable file (at construction); while iterating, with file and line, for
            invalid UTF-8 and rows with more or fewer columns than the first.
    """

    def __init__(self, path, has_header):
        self.lines = path if isinstance(path, TextLines) else TextLines(path)
        self.path = self.lines.path
        self.has_header = has_header

    @abc.abstractmethod
    def _records(self) -> "Iterator[_Record]":
        """Yields a `_Record` of every row, the header included."""

    @abc.abstractmethod
    def _split(self, line, delimiter) -> list[str]:
        """The fields of a line if columns were parted by another character."""

    @abc.abstractmethod
    def _size_advice(self, more):
        """What to do about a row with more columns than the first, or fewer."""

    def rows(self, columns):
        """Some columns of each row, without the header; the file is read once.

        Args:
            columns: list of names of the header, or positions from 0.

        Yields:
            (values: list of str, as many as columns; where: "file:line").

        Raises:
            UserError: There is no such column, or a name twice; and as the class says.
        """
        first = indices = None
        for record in self._records():
            if first is None:
                first, indices = record, self._found(columns, record)
                if self.has_header:
                    continue
            where = f"{self.path}:{record.number}"
            if len(record.fields) != len(first.fields):
                raise UserError(f"{where}: {self._other_size(len(record.fields), len(first.fields), first.number)}")
            yield [record.fields[index] for index in indices], where

    def header(self):
        """Names of the columns without blanks around them, a list of str; empty if there is no header or no row."""
        first = next(self._records(), None) if self.has_header else None
        return [] if first is None else _names(first)

    def check(self, columns):
        """Positions of columns, a list of int; arguments and errors as of `rows`."""
        first = next(self._records(), None)
        return [] if first is None else self._found(columns, first)

    def _found(self, columns, first):
        names, where = _names(first), f"{self.path}:{first.number}"
        if first.line.strip('"').lower().startswith("sep="):
            raise UserError(f"{where}: is a note of Excel, {first.line}; remove it and say what it says by --delimiter")
        found = []
        for column in columns:
            if isinstance(column, str):
                if names.count(column) != 1:
                    problem = "twice" if column in names else "not"
                    raise UserError(
                        f"{where}: column {column!r} is {problem} in the header, which has "
                        f"{', '.join(names)}{self._hint(columns, first)}"
                    )
                column = names.index(column)
            if column >= len(names):
                raise UserError(
                    f"{where}: has {len(names)} column{'s' if len(names) > 1 else ''}, but column {column} (counting "
                    f"from 0) is needed{self._hint(columns, first)}"
                )
            found.append(column)
        return found

    def _hint(self, columns, first):
        """The delimiter that would part the first row into columns such as are looked for."""
        for delimiter, name in DELIMITERS.items():
            try:
                names = [field.strip() for field in self._split(first.line, delimiter)]
            except csv.Error:
                continue
            if all(names.count(column) == 1 if isinstance(column, str) else column < len(names) for column in columns):
                return f"; parted by {name!r} it would have: give --delimiter {name if name.isalpha() else repr(name)}"
        return ""

    def _other_size(self, found, size, first):
        columns = f"{found} column{'s' if found > 1 else ''}"
        against = f"the header has {size}" if self.has_header else f"line {first} has {size}"
        return f"has {columns} but {against}; {self._size_advice(found > size)}"


def _names(record):
    return [name.strip() for name in record.fields]


class CsvTable(Table):
    """The rows of a table whose fields may stand in quotation marks, to hold delimiters, line ends and doubled marks.

    Args:
        path, has_header: See `Table`.
        delimiter: What parts the columns, one character.

    Raises:
        UserError: As `Table`, and for quotation marks that are not closed or not doubled, and those behind a blank,
            which programs read in two ways.
    """

    def __init__(self, path, has_header, delimiter=","):
        super().__init__(path, has_header)
        if len(delimiter) != 1 or delimiter in '" \n\r':
            raise UserError(f"{self.path}: columns cannot be parted by {delimiter!r}; give one character, such as ,")
        self.delimiter = delimiter
        # A field in quotation marks or without; a blank before such a mark.
        other = re.escape(delimiter)
        self._field = re.compile(rf'(?:"(?:[^"]|"")*"|(?P<behind>[^\S{other}]+")|[^{other}\n])[^{other}\n]*')

    def _records(self):
        # The limit belongs to the whole process and is 128 kB at first; a text may be longer, a line no longer than
        # `TextLines` allows.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
        record = []

        def lines():
            for line in self.lines.lines(allow_returns=True):
                record.append(f"{line}\n")
                yield record[-1]

        rows = csv.reader(lines(), delimiter=self.delimiter, strict=True)
        begin = 1
        while True:
            record.clear()
            try:
                fields = next(rows, None)
            except csv.Error as error:
                raise UserError(f"{self.path}:{begin}: {self._not_csv(error)}") from error
            if fields is None:
                return
            self._check_start(fields, record, begin)
            if len(fields) > 1 or (fields and fields[0].strip()):
                yield _Record(fields, begin, record[0].rstrip("\n"))
            begin = rows.line_num + 1

    def _check_start(self, fields, record, begin):
        self.lines.check_start(record[0], begin)
        if any(field[:1].isspace() and field.lstrip().startswith('"') for field in fields):
            text = "".join(record)
            position = 0
            while position < len(text):
                match = self._field.match(text, position)
                if match is not None and match["behind"]:
                    raise UserError(
                        f"{self.path}:{begin}: has a quotation mark behind a blank, which programs read in two ways; "
                        "remove the blank, or put the whole field into quotation marks and double those within"
                    )
                position = (position if match is None else match.end()) + 1

    def _not_csv(self, error):
        if "new-line character" in str(error):
            return "has a carriage return inside of a line; save the file with line ends of Unix or Windows"
        return f"the record that begins here is not CSV ({error}); is a quotation mark not closed or not doubled?"

    def _size_advice(self, more):
        if more:
            return f"put fields that hold {self.delimiter!r} into quotation marks"
        return "is it parted by other characters (--delimiter), or a quotation mark missing?"

    def _split(self, line, delimiter):
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])


class TsvTable(Table):
    """The rows of a table whose fields are what stands between tabs, as in the files of OPUS and Tatoeba.

    There is no quoting and no escaping; a file whose fields are quoted as in CSV is refused, for `CsvTable` to read.
    """

    def _records(self):
        for number, line in enumerate(self.lines, 1):
            self.lines.check_start(line, number)
            if line.strip(" "):
                fields = line.split("\t")
                if '""' in line and any(map(_QUOTED.fullmatch, fields)):
                    raise UserError(
                        f"{self.path}:{number}: has a field in quotation marks with doubled ones within, as in CSV; "
                        "give --delimiter tab to read the file so"
                    )
                yield _Record(fields, number, line)

    def _size_advice(self, more):
        if more:
            return "remove tabs within fields, or quote fields as in CSV and give --delimiter tab"
        return "is it parted by other characters (--delimiter), or a tab missing?"

    def _split(self, line, delimiter):
        return line.split(delimiter)


_QUOTED = re.compile(r'"(?:[^"]|"")*""(?:[^"]|"")*"')


def open_table(path, has_header, delimiter=None, form=None):
    """The table in a file: a `TsvTable` if it is TSV and no delimiter is given, otherwise a `CsvTable`.

    Args:
        path: `pathlib.Path` of the file, or its `TextLines`.
        has_header: Whether the first row holds the names of the columns.
        delimiter: What parts the columns: a character, or "tab"; None for what the form says, comma or tab.
        form: "csv" or "tsv"; None for what the name says.

    Raises:
        UserError: As `Table`.
    """
    if delimiter is not None:
        return CsvTable(path, has_header, "\t" if delimiter in ("tab", "\\t") else delimiter)
    if form is None:
        form = "tsv" if path.name.endswith((".tsv", ".tsv.gz")) else "csv"
    return TsvTable(path, has_header) if form == "tsv" else CsvTable(path, has_header)


def named_column(name):
    """A column as it is given on a command line: a position if it is a number, or else a name; None stays None."""
    return int(name) if name is not None and name.isdecimal() else name
