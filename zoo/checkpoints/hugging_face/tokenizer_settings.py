"""What tokenizer_config.json says beside the tokens: how long a text may be, and at which end a longer one is cut."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.checkpoints.hugging_face.directory_files import (
    CONFIG_FILE,
    FAST_FILE,
    TOKENIZER_CONFIG_FILE,
    AnyDirectory,
    DirectoryFiles,
)
from zoo.errors import UserError

GENERIC_CLASSES = ("PreTrainedTokenizer", "TokenizersBackend")
"""Classes, without "Fast", that do nothing of their own: tokenizer.json says everything."""

# Above it, as in transformers, a number stands for "no limit": files hold 1e30.
_NO_LIMIT = 10**20


def tokenizer_class(directory):
    """The class that a directory's tokenizer_config.json, or else its config.json, names for it.

    Returns:
        The name without "Fast", or None if neither names one.
    """
    files = DirectoryFiles.of(directory)
    for name in (TOKENIZER_CONFIG_FILE, CONFIG_FILE):
        found = files.json(name).get("tokenizer_class")
        if isinstance(found, str):
            return found.removesuffix("Fast")
    return None


def max_text_length(directory: AnyDirectory) -> int | None:
    """Tokens of the longest text, special ones included, after tokenizer_config.json.

    Args:
        directory: A Hugging Face directory.

    Returns:
        `model_max_length`, or as files of 2019 call it `max_len`; None if there is no such limit, also where the file
        holds the huge number that transformers writes for none.

    Raises:
        UserError: for damaged files, a length that is no number of tokens, and texts that lose their beginning, also
            after tokenizer.json.
    """
    files = DirectoryFiles.of(directory)
    path, config = files / TOKENIZER_CONFIG_FILE, files.json(TOKENIZER_CONFIG_FILE)
    side = config.get("truncation_side")
    if side not in ("right", None):
        raise UserError(f"{path}: truncation_side {side!r} is not supported; it must be 'right'")
    direction = (files.json(FAST_FILE).get("truncation") or {}).get("direction", "Right")
    if side is None and direction != "Right":
        raise UserError(
            f"{files / FAST_FILE}: direction {direction!r} of truncation is not supported; it must be 'Right'"
        )
    key = "model_max_length" if "model_max_length" in config else "max_len"
    length = config.get(key)
    if length is None or (isinstance(length, (int, float)) and length > _NO_LIMIT):
        return None
    if isinstance(length, bool) or not isinstance(length, (int, float)) or length < 1 or length != int(length):
        raise UserError(f"{path}: {key} {length!r} is not supported; it must be a number of tokens")
    return int(length)


def with_text_length(files: dict[str, Callable[[Path], Any]], length: int) -> dict[str, Callable[[Path], Any]]:
    """Files of a tokenizer that also say how long a text may be.

    Args:
        files: Functions by file name, as `tokenizer_files` gives them.
        length: Tokens of the longest text, special ones included.

    Returns:
        The same with another function for tokenizer_config.json.
    """

    def write(path):
        files[TOKENIZER_CONFIG_FILE](path)
        content = {**json.loads(path.read_bytes()), "model_max_length": length}
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    return {**files, TOKENIZER_CONFIG_FILE: write}
