"""Documents of plain text, a list of lines each, read from any number of files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.text_lines import TextLines, check_plain_text
from zoo.errors import UserError

_JSON_LINES = (".jsonl", ".jsonl.gz")


class TextDocuments:
    """The documents of UTF-8 text and JSON Lines files, plain or gzip-compressed; every iteration reads them anew.

    A line is a sentence or a paragraph. Blank lines part documents, and so does the end of a file. In a `.jsonl` file
    the field "text" of each object is a document of its own, whose lines may be parted by blank ones.

    Args:
        paths: The files, in order; a single path will do.

    Attributes:
        name: What to call the text in messages.

    Raises:
        UserError: At construction when there is no file or one is missing, empty, unreadable or given twice; while
            iterating, with file and line, for invalid UTF-8, damaged gzip data and files without any text.

    Example:
        >>> for lines in TextDocuments(["books.txt.gz", "news.txt"]): ...
    """

    def __init__(self, paths: Any):
        paths = [paths] if isinstance(paths, (str, Path)) else list(paths)
        if not paths:
            raise UserError("there is no text file; name at least one")
        for path in paths:
            check_plain_text(Path(path))
        self._files = [JsonLines(path) if str(path).endswith(_JSON_LINES) else TextLines(path) for path in paths]
        seen = set()
        for file in self._files:
            if file.path.resolve() in seen:
                raise UserError(f"{file.path}: is given twice; name each file once")
            seen.add(file.path.resolve())
        more = len(paths) - 1
        self.name = f"{paths[0]}" + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def __iter__(self):
        """Yields each document, a non-empty list of str lines without blanks at their ends."""
        for file in self._files:
            lines, empty = [], True
            for line in _lines(file):
                if line:
                    lines.append(line)
                    empty = False
                elif lines:
                    yield lines
                    lines = []
            if lines:
                yield lines
            if empty:
                raise UserError(f"{file.path}: has no text, only blank lines; is it the right file?")

    def lines(self) -> Iterator[Any]:
        """Yields the lines of all documents."""
        for document in self:
            yield from document


def _lines(file):
    """Lines of a file without blanks at their ends; empty ones, or the ends of objects, part documents."""
    if isinstance(file, TextLines):
        for line in file:
            yield line.strip()
        return
    for row, where in file:
        for line in text_field(row, "text", where).split("\n"):
            # Within an object nothing parts documents.
            if line := line.strip():
                yield line
        yield ""
