"""The error of an export whose SavedModel did not pass its checks, and how TensorFlow's own errors are shown."""

from typing import Any


class VerificationError(RuntimeError):
    """A written SavedModel failed a check, so it was not published.

    Attributes:
        details: One line per failing example, in the order found; may be empty.
    """

    def __init__(self, message: Any, details: Any = ()):
        super().__init__(message)
        self.details = tuple(details)


def shorten_message(message):
    """A TensorFlow error message without its decoration, on one line of at most 300 characters."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for position, line in enumerate(lines):
        # Graph errors start with a stack trace of where the node was made; the kernel's message comes last.
        if line.startswith("[[{{node") and position > 0:
            return lines[position - 1][:300]
    telling = [line for line in lines if not line.startswith(("Graph execution error", "Detected at", "<stack traces"))]
    return " ".join(telling or lines)[:300]
