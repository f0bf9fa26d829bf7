"""Documents whose text is kept to the last blank and line end, for language models that write such text."""

import re
from pathlib import Path
from typing import Any

from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.text_lines import TextLines, check_plain_text
from zoo.errors import UserError

_JSON_LINES = (".jsonl", ".jsonl.gz")


class ExactDocuments:
    r"""The documents of UTF-8 text and JSON Lines files, plain or gzip-compressed; every iteration reads them anew.

    A text file is one document, or as many as a separator makes of it. Each line of a `.jsonl` file is one.

    Args:
        paths: The files, in order; a single path will do.
        separator: What stands between the documents of a text file, such as "<|endoftext|>" or "\n\n", and belongs to
            none of them; a "\n" in it also stands for "\r\n". None if a file is one document. Line ends beside a
            separator that is no line end itself are no part of a document either.
        field: The field of a JSON object that holds the text; a dot reaches into nested objects.

    Attributes:
        name: What to call the text in messages.

    Raises:
        UserError: At construction when there is no file or one is missing, empty, unreadable or given twice; while
            iterating, with file and line, for invalid UTF-8, damaged gzip data, lines that are no JSON object, and
            files without a document.

    Example:
        >>> for text in ExactDocuments("input.txt"): ...
    """

    def __init__(self, paths: Any, separator: str | None = None, field: Any = "text"):
        paths = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
        if not paths:
            raise UserError("there is no text file; name at least one")
        if separator == "":
            raise UserError("the separator of documents is empty; leave it out if a file is one document")
        for path in paths:
            check_plain_text(path)
        self._files = [JsonLines(path) if path.name.endswith(_JSON_LINES) else TextLines(path) for path in paths]
        self._separator, self._field = separator, field
        seen = set()
        for file in self._files:
            if file.path.resolve() in seen:
                raise UserError(f"{file.path}: is given twice; name each file once")
            seen.add(file.path.resolve())
        more = len(paths) - 1
        self.name = f"{paths[0]}" + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def __iter__(self):
        """Yields the text of each document, a str that is not empty."""
        for file in self._files:
            texts = self._objects(file) if isinstance(file, JsonLines) else self._parts(file)
            empty = True
            for text in texts:
                if text:
                    empty = False
                    yield text
            if empty:
                raise UserError(f"{file.path}: has no text; is it the right file?")

    def _objects(self, file):
        for row, where in file:
            yield text_field(row, self._field, where)

    def _parts(self, file):
        separator = self._separator
        if separator is None:
            yield "".join(file.exact_lines())
            return
        ends = "" if separator.strip("\r\n") == "" else "\r\n"
        # Line ends of Windows part documents as those of Unix do.
        pattern = re.compile(re.escape(separator.replace("\r\n", "\n")).replace("\\\n", "\r?\n"))
        reach = len(separator) + separator.count("\n")
        text = ""
        for line in file.exact_lines():
            # A separator may reach over line ends, but not begin before what has been searched already.
            searched = max(len(text) - reach + 1, 0)
            text += line
            if pattern.search(text, searched) is None:
                continue
            *parts, text = pattern.split(text)
            for part in parts:
                yield part.strip(ends) if ends else part
        yield text.strip(ends) if ends else text
