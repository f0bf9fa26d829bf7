"""Lines of one UTF-8 text file, plain or gzip-compressed, read one at a time with errors that name file and line."""

import codecs
import gzip
import zlib
from pathlib import Path

from zoo.errors import UserError

_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A longer "line" means that the file is not line-based text; without a bound it would be read into memory whole.
MAX_LINE_BYTES = 16 * 1024 * 1024


class TextLines:
    r"""The lines of a text file, without their line ends; every iteration opens the file anew.

    Lines end at "\n" (a "\r" before it is dropped) and nowhere else: U+2028, U+0085, form feeds and a lone "\r" are
    ordinary characters, so that line-parallel files stay aligned. A byte order mark at the start is skipped. A file
    is decompressed when it begins as gzip files do, whatever its name.

    Args:
        path: The file.

    Raises:
        UserError: At construction when the file is missing, empty, unreadable or not a regular file; while iterating
            when a line is not UTF-8 or the gzip data is damaged.

    Example:
        >>> for number, line in enumerate(TextLines("train.en.gz"), 1): ...
    """

    def __init__(self, path):
        self.path = Path(path)
        if self.path.is_dir():
            raise UserError(f"{self.path}: is a directory; name the text file itself")
        if not self.path.exists():
            raise UserError(f"{self.path}: no such file; check the path")
        if not self.path.is_file():
            raise UserError(f"{self.path}: is not a regular file; save its text to a file, which is read every epoch")
        try:
            with self.path.open("rb") as file:
                start = file.read(2)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror}); check its permissions") from error
        if not start:
            raise UserError(f"{self.path}: the file is empty; it must hold at least one line")
        self._compressed = start == _GZIP_MAGIC
        if self.path.suffix == ".gz" and not self._compressed:
            raise UserError(f"{self.path}: is named .gz but is not gzip data; rename it or fetch it again")

    def __iter__(self):
        """Yields str lines."""
        for line in self.exact_lines():
            yield (line[:-2] if line.endswith("\r\n") else line[:-1]) if line.endswith("\n") else line

    def exact_lines(self):
        """Yields str lines with their line ends: joined, they are the file's text, but for a byte order mark."""
        for number, line in enumerate(self.raw_lines(), 1):
            yield self._decoded(line, number)

    def raw_lines(self):
        """Yields the lines as undecoded bytes, line ends included."""
        number = 0
        try:
            with gzip.open(self.path, "rb") if self._compressed else self.path.open("rb") as file:
                for line in self._lines_of(file):
                    number += 1
                    yield line
        except EOFError as error:
            raise UserError(
                f"{self.path}: the gzip data ends early, after line {number}; the file is truncated, fetch it again"
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UserError(
                f"{self.path}: the gzip data is damaged after line {number} ({error}); fetch the file again"
            ) from error
        except OSError as error:
            raise UserError(f"{self.path}: reading failed after line {number} ({error.strerror or error})") from error
        if number == 0:
            raise UserError(f"{self.path}: the file is empty; it must hold at least one line")

    def _lines_of(self, file):
        """Yields the lines of an open file, none longer than what memory should hold."""
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise UserError(
                    f"{self.path}:{number}: line longer than {MAX_LINE_BYTES:,} bytes; "
                    "is this a text file with line ends?"
                )
            yield line

    def _decoded(self, line, number):
        if number == 1 and line.startswith(codecs.BOM_UTF8):
            line = line[len(codecs.BOM_UTF8) :]
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            utf16 = number == 1 and line.startswith(_UTF16_MARKS)
            what = "UTF-16, not UTF-8" if utf16 else f"not valid UTF-8 at byte {error.start + 1} of the line"
            raise UserError(f"{self.path}:{number}: {what}; convert the file to UTF-8, e.g. with iconv") from error
