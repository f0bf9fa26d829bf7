"""Texts with their summaries, from JSON Lines files."""

from typing import NamedTuple

from zoo.data.json_lines import JsonLines, text_field
from zoo.errors import UserError


class SummarizedText(NamedTuple):
    """A text and one or more summaries of it."""

    text: str
    summaries: tuple[str, ...]


class JsonlSummaries:
    """Texts and summaries from fields of a JSON Lines file; every iteration reads it anew.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped.
        text: Field of the text. A dot reaches into nested objects.
        summaries: Field of the summary, or of several summaries of the same text.

    Raises:
        UserError: At construction for a missing, empty or unreadable file and for no or equal fields; while iterating,
            with file and line, for a line that is not a JSON object, or lacks a field, or holds something other than
            text in it.

    Example:
        >>> for text, summaries in JsonlSummaries("test.jsonl", "dialogue", ("summary1", "summary2")): ...
    """

    def __init__(self, path, text="text", summaries="summary"):
        self._rows = JsonLines(path)
        self._text = text
        self._summaries = (summaries,) if isinstance(summaries, str) else tuple(summaries)
        if not self._summaries:
            raise UserError(f"{path}: no field of summaries is given; name at least one")
        if len({text, *self._summaries}) <= len(self._summaries):
            raise UserError(f"{path}: a field is named twice among {', '.join((text, *self._summaries))}")

    def __iter__(self):
        """Yields each `SummarizedText`, in file order."""
        for row, where in self._rows:
            summaries = tuple(text_field(row, name, where) for name in self._summaries)
            yield SummarizedText(text_field(row, self._text, where), summaries)
