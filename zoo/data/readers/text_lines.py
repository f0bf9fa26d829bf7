"""Lines of one UTF-8 text file, plain or gzip-compressed, read one at a time with errors that name file and line."""

import codecs
import gzip
import zlib
from pathlib import Path

from zoo.errors import UserError

_MARK = "\ufeff"
_GZIP_MAGIC = b"\x1f\x8b"
_OTHER_KINDS = {
    b"PK\x03\x04": "a zip archive, or a workbook of Excel",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "a workbook of old Excel",
}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A longer "line" means that the file is not line-based text; without a bound it would be read into memory whole.
MAX_LINE_BYTES = 16 * 1024 * 1024


def check_plain_text(path):
    """Refuses files whose names say that they hold more than text.

    Raises:
        UserError: saying what to do.
    """
    name = path.name.removesuffix(".gz")
    for suffix, kind in ((".csv", "a table"), (".tsv", "a table"), (".json", "JSON"), (".html", "a page of HTML")):
        if name.endswith(suffix):
            raise UserError(
                f"{path}: is {kind} by its name; write its texts to a .txt or .jsonl file, or rename it to .txt if its "
                "text is to be learnt as it is"
            )


class TextLines:
    r"""The lines of a text file, without their line ends; every iteration opens the file anew.

    Lines end at "\n", "\r\n" or, where a program wrote line ends twice, "\r\r\n", and nowhere else: U+2028, U+0085 and
    form feeds are ordinary characters, so that line-parallel files stay aligned. Other carriage returns, at which some
    programs end lines, and NUL are refused. A byte order mark at the start is skipped. A file is decompressed when it
    begins as gzip files do, whatever its name.

    Args:
        path: The file.

    Raises:
        UserError: At construction when the file is missing, empty, unreadable, not a regular file or of another kind
            such as a zip archive; while iterating when a line is not UTF-8, has a NUL or a carriage return within, or
            the gzip data is damaged.

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
                start = file.read(8)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror}); check its permissions") from error
        if not start:
            raise UserError(f"{self.path}: the file is empty; it must hold at least one line")
        for magic, kind in _OTHER_KINDS.items():
            if start.startswith(magic):
                raise UserError(f"{self.path}: is {kind}; unpack or save it as text, plain or gzip-compressed")
        self._compressed = start.startswith(_GZIP_MAGIC)
        if self.path.suffix == ".gz" and not self._compressed:
            raise UserError(f"{self.path}: is named .gz but is not gzip data; rename it or fetch it again")

    def __iter__(self):
        """Yields str lines."""
        return self.lines()

    def lines(self, allow_returns=False):
        """Yields str lines.

        Args:
            allow_returns: Whether a line may have carriage returns within, which are then part of it.
        """
        for number, line in enumerate(self.exact_lines(), 1):
            content = line.rstrip("\r\n") if line.endswith(("\n", "\r")) else line
            if not allow_returns and "\r" in content:
                raise UserError(
                    f"{self.path}:{number}: has a carriage return inside of a line, at which some programs end lines; "
                    "save the file with line ends of Unix or Windows, or remove it"
                )
            yield content

    def exact_lines(self):
        """Yields str lines with their line ends: joined, they are the file's text, but for a byte order mark."""
        for number, line in enumerate(self.raw_lines(), 1):
            yield self._decoded(line, number)

    def check_start(self, line, number):
        """Refuses a byte order mark at the start of a line after the first, where it would become part of a field.

        Raises:
            UserError: naming the line.
        """
        if number > 1 and line.startswith(_MARK):
            raise UserError(
                f"{self.path}:{number}: begins with a byte order mark (U+FEFF), as where files were put together; "
                "remove it"
            )

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
        if number == 1 and line.startswith(_UTF16_MARKS):
            raise UserError(f"{self.path}:1: UTF-16, not UTF-8; convert the file to UTF-8, e.g. with iconv")
        if b"\0" in line:
            raise UserError(
                f"{self.path}:{number}: has a NUL character; convert the file to UTF-8 if it is UTF-16, or remove it"
            )
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"{self.path}:{number}: not valid UTF-8 at byte {error.start + 1} of the line; convert the file to "
                "UTF-8, e.g. with iconv"
            ) from error
