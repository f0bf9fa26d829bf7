"""The file or stream that answers are written to, whole lines at a time."""

import contextlib
import os
import sys

from zoo.errors import UserError
from zoo.writing import writing

_ADVICE = "free some space or choose another --output"


class AnswerFile:
    """Lines that go to a file under another name, which gets its own when all are there; or to standard output.

    What has been written before a program is stopped stays under the other name, PATH.partial, in whole lines.

    Args:
        path: The file, or None for standard output.
        overwrite: Whether a file that is there is replaced.

    Attributes:
        num_lines: Lines written.

    Raises:
        UserError: if the file or its partial one is there and not to be replaced, or cannot be written.
    """

    def __init__(self, path, overwrite=False):
        self.num_lines = 0
        self._path = path
        self._file = None
        if path is None:
            self._stream = sys.stdout.buffer
            return
        self.partial = path.with_name(path.name + ".partial")
        if path.is_dir():
            raise UserError(f"--output {path}: is a directory; name a file")
        for each, what in ((path, "is there already"), (self.partial, "is there, from a run that was stopped")):
            if each.exists() and not overwrite:
                raise UserError(f"--output: {each} {what}; move it away or give --overwrite")
        with writing(path, _ADVICE):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._stream = self.partial.open("wb")

    def write(self, lines):
        """Writes lines, str without line ends, in one piece.

        Raises:
            UserError: if they cannot be written.
        """
        content = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        with writing(self._path or "standard output", _ADVICE, "answers"):
            try:
                self._stream.write(content)
                self._stream.flush()
            except BrokenPipeError:
                # Whoever read the answers has seen enough, as `head` does; Python would complain when it ends.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise SystemExit(1) from None
        self.num_lines += len(lines)

    def finish(self):
        """Gives the file its name.

        Raises:
            UserError: if it cannot be written.
        """
        if self._file is None:
            return
        with writing(self._path, _ADVICE):
            os.fsync(self._file.fileno())
            self._file.close()
            self.partial.replace(self._path)

    def stop(self):
        """Closes the file of a run that does not end; removes it if nothing was written.

        Returns:
            str, what is left of it and where; "" where there is nothing.
        """
        if self._file is None:
            return ""
        with contextlib.suppress(OSError):
            self._file.close()
        if not self.num_lines:
            with contextlib.suppress(OSError):
                self.partial.unlink()
            return ""
        return f"the first {self.num_lines:,} answers are in {self.partial}"
