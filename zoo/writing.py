"""Files that are written whole or not at all, and the one line for what keeps them from being written."""

import contextlib
import os
from pathlib import Path

from zoo.errors import UserError

GO_ON = "free some space or choose another folder, then start again to go on from the last checkpoint"
"""What to do when a run cannot write."""


@contextlib.contextmanager
def writing(path, advice=GO_ON, what="", errors=()):
    """A context in which the errors of the file system, such as a full disk, become a `UserError`.

    Args:
        path: The file or directory that is written.
        advice: What the user can do.
        what: What is written, such as "the checkpoint", where the name does not say it.
        errors: Types by which libraries report an `OSError` of their own code.

    Raises:
        UserError: for such an error in the context, naming path and reason.
    """
    try:
        yield
    except (OSError, *errors) as error:
        what = f" {what}" if what else ""
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot write{what} ({reason}): {advice}") from error


def write_whole(path, content):
    """Writes a file under another name, waits until it is on the disk, and renames it.

    Args:
        path: Where to write. A file of this name stays as it is until the new one is whole.
        content: bytes.

    Raises:
        OSError: The disk is full or the folder cannot be written; nothing is left behind.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
