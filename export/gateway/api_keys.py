"""API keys from a file, and who sends which."""

import hashlib
from pathlib import Path

from zoo.errors import UserError


class ApiKeys:
    """The keys of a file, one a line, with a name for logs and limits before it where there are two words.

    Empty lines and those that begin with # do not count. Only hashes are kept.

    Args:
        path: The file.

    Raises:
        UserError: the file cannot be read, holds no key, or has a line that is no key, which is named by its number.
    """

    def __init__(self, path):
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--api-keys: cannot read {path}: {getattr(error, 'strerror', error)}") from error
        self._names = {}
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) > 2:
                raise UserError(f"--api-keys: {path} line {number}: give a key, or a name and a key")
            if _digest(words[-1]) in self._names:
                raise UserError(f"--api-keys: {path} line {number}: this key is there already")
            self._names[_digest(words[-1])] = words[0] if len(words) == 2 else f"key{number}"
        if not self._names:
            raise UserError(f"--api-keys: {path} holds no key; write one a line")

    def name_of(self, headers):
        """The name of the key that a request's headers bring; None for a wrong one or none."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        # Hashes are looked up, so that the time tells nothing about keys.
        return self._names.get(_digest(key))


def _digest(key):
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
