"""Sources of text pairs: two line-parallel files, one table or one JSON Lines file, plain or .gz.

A source is a re-iterable of `(source: str, target: str)`: each iteration reads its files from the start, line by
line, so that a file may be larger than memory. `zoo.data.readers.text_lines.TextLines` says what a line is. Its
`examples_are` says where to look for example n, for messages that number examples from 1.
"""

from itertools import zip_longest
from pathlib import Path
from typing import Any

from zoo.data.readers.accepted_rows import AcceptedRows
from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.tables import CsvTable, named_column, open_table
from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError


class ParallelText:
    """Pairs from two files in which line n of one translates line n of the other.

    Args:
        source_path: Text file, plain or gzip-compressed.
        target_path: Text file with the same number of lines.

    Raises:
        UserError: For a missing, empty or unreadable file (at construction), invalid UTF-8 (when its line is
            reached) and unequal line counts (when the shorter file ends).

    Example:
        >>> pairs = ParallelText("train.en.gz", "train.de.gz")
        >>> for source, target in pairs: ...
    """

    def __init__(self, source_path: str | Path, target_path: str | Path):
        self.source = TextLines(source_path)
        self.target = TextLines(target_path)
        if self.source.path.resolve() == self.target.path.resolve():
            raise UserError(f"{source_path}: is given as source and as target; name two different files")

    @property
    def examples_are(self) -> str:
        """Where example n is."""
        return f"lines of {self.source.path} and {self.target.path}"

    def __iter__(self):
        """Yields (source, target) strings, in file order."""
        for source, target in zip_longest(self.source, self.target):
            if source is None or target is None:
                self._raise_unequal()
            yield source, target

    def _raise_unequal(self):
        counts = [sum(1 for _ in lines.raw_lines()) for lines in (self.source, self.target)]
        raise UserError(
            f"{self.source.path} has {counts[0]:,} lines but {self.target.path} has {counts[1]:,}: line n of one "
            "must translate line n of the other; give files with the same number of lines"
        )


class TableText:
    """Pairs from two columns of a table: `zoo.data.readers.tables.TsvTable` for .tsv, `CsvTable` for others.

    Args:
        path: File, plain or gzip-compressed. Other columns are ignored; empty lines are skipped.
        source: Column of the source text: an index from 0, or a name of the header line. Default: "source" if the
            first line has columns "source" and "target", or else the first column.
        target: Column of the target text, likewise; "target", or else the second column.
        has_header: Whether the first line holds column names. Default: only when a column is given by name or found so.
        delimiter: See `zoo.data.readers.tables.open_table`.

    Raises:
        UserError: As `ParallelText`, for a column that there is not, and for lines with more or fewer columns than the
            first.

    Example:
        >>> TableText("pairs.tsv", source="en", target="de")
    """

    def __init__(
        self, path: Any, source: Any = None, target: Any = None, has_header: bool | None = None, delimiter: Any = None
    ):
        path = Path(path)
        if source is None and target is None and has_header is not False:
            first = open_table(path, True, delimiter).header()
            if first.count("source") == first.count("target") == 1:
                source, target = "source", "target"
        self.source, self.target = 0 if source is None else source, 1 if target is None else target
        columns = [self.source, self.target]
        named = any(isinstance(column, str) for column in columns)
        self.table = open_table(path, named if has_header is None else has_header, delimiter)
        for column in columns:
            if isinstance(column, str) and not self.table.has_header:
                raise UserError(f"{path}: column {column!r} is given by name, which needs a header line")
            if not isinstance(column, str) and column < 0:
                raise UserError(f"{path}: column index {column} is negative; columns count from 0")
        if self.source == self.target:
            raise UserError(f"{path}: source and target are the same column, {self.source!r}; name two columns")
        if len(set(self.table.check(columns))) < 2:
            raise UserError(f"{path}: source and target are the same column, {self.source!r}; name two columns")

    @property
    def examples_are(self) -> str:
        """Where example n is."""
        left_out = "the header and empty ones" if self.table.has_header else "empty ones"
        kind = "rows" if isinstance(self.table, CsvTable) else "lines"
        return f"{kind} of {self.table.path}, {left_out} not counted"

    def __iter__(self):
        """Yields (source, target) strings, in file order."""
        for (source, target), _ in self.table.rows([self.source, self.target]):
            yield source, target


class JsonlText:
    """Pairs from two string fields of a JSON Lines file: one JSON object per line.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped, and rows that the annotator turned down, see
            `AcceptedRows`.
        source: Field of the source text. A dot reaches into nested objects: "translation.en".
        target: Field of the target text, likewise.

    Raises:
        UserError: As `ParallelText`, and for a line that is not a JSON object, or lacks a field, or holds something
            other than text in it.

    Example:
        >>> JsonlText("pairs.jsonl", source="translation.en", target="translation.de")
    """

    def __init__(self, path: Any, source: Any = "source", target: Any = "target"):
        self.rows = AcceptedRows(JsonLines(path), [source, target])
        self.source, self.target = source, target
        if source == target:
            raise UserError(f"{path}: source and target are the same field, {source!r}; name two fields")

    @property
    def examples_are(self) -> str:
        """Where example n is."""
        return f"lines of {self.rows.path}, empty ones and those left out not counted"

    def __iter__(self):
        """Yields (source, target) strings, in file order."""
        for row, where in self.rows:
            yield text_field(row, self.source, where), text_field(row, self.target, where)

    @property
    def reading(self) -> str:
        """What is unusual in how the file is read, one line for the user; empty if nothing is."""
        return f"{self.rows.path}: {self.rows.remark}" if self.rows.remark else ""


def open_pairs(path, source=None, target=None, delimiter=None):
    """The reader of a file of pairs, by its name: .jsonl, .csv or .tsv, or .gz after it.

    Args:
        path: `pathlib.Path` of the file.
        source, target: Column of a table by name or position, or field of JSON Lines; None for the usual ones.
        delimiter: See `zoo.data.readers.tables.open_table`; of tables alone.

    Raises:
        UserError: For a file of another name, or one that cannot be read.
    """
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return JsonlText(path, source or "source", target or "target")
    if path.name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        return TableText(path, named_column(source), named_column(target), delimiter=delimiter)
    raise UserError(f"{path}: the name must end in .tsv, .csv or .jsonl (or .gz after it)")
