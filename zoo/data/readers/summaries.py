"""Texts with their summaries, from JSON Lines files and tables."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from zoo.data.readers.accepted_rows import AcceptedRows
from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.tables import named_column, open_table
from zoo.errors import UserError


class SummarizedText(NamedTuple):
    """A text and one or more summaries of it."""

    text: str
    summaries: tuple[str, ...]


class _Summaries:
    """What both readers share: the names of fields or columns."""

    def __init__(self, path, text, summaries):
        self._text = text
        self._summaries = (summaries,) if isinstance(summaries, str) else tuple(summaries)
        if not self._summaries:
            raise UserError(f"{path}: no field of summaries is given; name at least one")
        if len({text, *self._summaries}) <= len(self._summaries):
            raise UserError(f"{path}: a field is named twice among {', '.join((text, *self._summaries))}")


class JsonlSummaries(_Summaries):
    """Texts and summaries from fields of a JSON Lines file; every iteration reads it anew.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped, and rows that the annotator turned down, see
            `AcceptedRows`.
        text: Field of the text. A dot reaches into nested objects.
        summaries: Field of the summary, or of several summaries of the same text.

    Raises:
        UserError: At construction for a missing, empty or unreadable file and for no or equal fields; while iterating,
            with file and line, for a line that is not a JSON object, or lacks a field, or holds something other than
            text in it.

    Example:
        >>> for text, summaries in JsonlSummaries("test.jsonl", "dialogue", ("summary1", "summary2")): ...
    """

    def __init__(self, path: Any, text: str = "text", summaries: str | Sequence[str] = "summary"):
        super().__init__(path, text, summaries)
        self._rows = AcceptedRows(JsonLines(path), [self._text, *self._summaries])

    def __iter__(self):
        """Yields each `SummarizedText`, in file order."""
        for row, where in self._rows:
            summaries = tuple(text_field(row, name, where) for name in self._summaries)
            yield SummarizedText(text_field(row, self._text, where), summaries)

    @property
    def reading(self) -> str:
        """What is unusual in how the file is read, one line for the user; empty if nothing is."""
        return f"{self._rows.path}: {self._rows.remark}" if self._rows.remark else ""


class TableSummaries(_Summaries):
    """Texts and summaries from columns of a table with a header; every iteration reads it anew.

    Args:
        path: File, see `zoo.data.readers.tables.open_table`.
        text: Column of the text: a name of the header, or its position from 0 in digits.
        summaries: Column of the summary, or of several summaries of the same text, likewise.
        delimiter: See `zoo.data.readers.tables.open_table`.

    Raises:
        UserError: As `JsonlSummaries`, for columns; and as `zoo.data.readers.tables.Table`.
    """

    def __init__(self, path, text: str = "text", summaries: str | Sequence[str] = "summary", delimiter=None):
        super().__init__(path, text, summaries)
        self._table = open_table(path, True, delimiter)
        self._columns = [named_column(name) for name in (self._text, *self._summaries)]
        self._table.check(self._columns)

    def __iter__(self):
        """Yields each `SummarizedText`, in file order."""
        empty = True
        for (text, *summaries), _ in self._table.rows(self._columns):
            empty = False
            yield SummarizedText(text, tuple(summaries))
        if empty:
            raise UserError(f"{self._table.path}: has no text, only a header; is it the right file?")


def open_summaries(path, text: str = "text", summaries: str | Sequence[str] = "summary", delimiter=None):
    """The reader of a file of texts with summaries: a table if it is named .csv or .tsv, otherwise JSON Lines.

    Args:
        path: `pathlib.Path` of the file.
        text, summaries: See `JsonlSummaries` and `TableSummaries`.
        delimiter: See `zoo.data.readers.tables.open_table`; of tables alone.

    Raises:
        UserError: As these.
    """
    if path.name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        return TableSummaries(path, text, summaries, delimiter)
    return JsonlSummaries(path, text, summaries)
