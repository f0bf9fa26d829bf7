"""Files of byte-pair vocabularies: entries with their ids in JSON, and merges one a line."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.errors import UserError

VOCABULARY_FILE = "vocab.json"
MERGES_FILE = "merges.txt"
_VERSION = "#version: 0.2"


def read_file(path) -> bytes:
    """A file's content; UserError naming the file if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def parse_json(content: bytes, path) -> dict:
    """A JSON object in which no key is there twice.

    Args:
        content: The file's bytes.
        path: The file's name for messages.

    Raises:
        UserError: naming the file.
    """

    def unique(pairs):
        found = {}
        for key, value in pairs:
            if key in found:
                raise UserError(f"{path} holds {key!r} twice; each must be there once")
            found[key] = value
        return found

    try:
        parsed = json.loads(content, object_pairs_hook=unique)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); get it again") from None
    if not isinstance(parsed, dict):
        raise UserError(f"{path} is damaged: it holds no JSON object; get it again")
    return parsed


def parse_merges(content: bytes, path) -> list[tuple[str, str]]:
    """The pairs of a merges.txt or vocab.bpe, with or without the line "#version".

    Args:
        content: The file's bytes: UTF-8, two entries a line with a blank between.
        path: The file's name for messages.

    Raises:
        UserError: naming the file and the line.
    """
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    merges = []
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith(b"#version"):
            continue
        try:
            parts = line.removesuffix(b"\r").decode("utf-8").split(" ")
        except UnicodeDecodeError:
            raise UserError(f"{path}, line {number}: not UTF-8; merges are two entries a line") from None
        if len(parts) != 2 or not all(parts):
            raise UserError(f"{path}, line {number}: not two entries with a blank between, or the file was cut off")
        merges.append((parts[0], parts[1]))
    return merges


def vocabulary_content(tokens: Sequence[str]) -> bytes:
    """What vocab.json holds of the entries by id."""
    ids = {token: token_id for token_id, token in enumerate(tokens)}
    return (json.dumps(ids, ensure_ascii=False) + "\n").encode()


def merges_content(merges: Iterable[tuple[str, str]]) -> bytes:
    """What merges.txt holds of the merges by rank."""
    return "".join(f"{line}\n" for line in (_VERSION, *(f"{left} {right}" for left, right in merges))).encode()
