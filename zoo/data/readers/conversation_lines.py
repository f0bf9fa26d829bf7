"""Conversations in JSON Lines files, as programs that train chat models write them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.data.readers.json_lines import JsonLines, field, json_type
from zoo.errors import UserError


class ConversationLines:
    """The conversations of JSON Lines files, plain or gzip-compressed, one a line; every iteration reads them anew.

    Args:
        paths: The files, in order.
        name: The field that holds the list of messages, each an object with `role` and `content`; a dot reaches into
            nested objects.

    Attributes:
        name: What to call them in messages.

    Raises:
        UserError: At construction when there is no file or one is missing or unreadable; while iterating, with file and
            line, for what is no list of such messages, a conversation without a message of the assistant, and a file
            without a conversation.

    Example:
        >>> for messages, where in ConversationLines(["train.jsonl"]): ...
    """

    def __init__(self, paths: Sequence[str | Path], name: str = "messages"):
        if not paths:
            raise UserError("there is no file of conversations; name at least one")
        self._files, self._field = [JsonLines(path) for path in paths], name
        more = len(paths) - 1
        self.name = f"{paths[0]}" + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def __iter__(self) -> Iterator[tuple[list[dict[str, Any]], str]]:
        """Yields (messages: list of dict, where: "file:line")."""
        for file in self._files:
            empty = True
            for row, where in file:
                empty = False
                yield self._checked(field(row, self._field, where), where), where
            if empty:
                raise UserError(f"{file.path}: has no conversation; is it the right file?")

    def _checked(self, messages, where):
        if not isinstance(messages, list):
            raise UserError(f"{where}: {self._field!r} must be a list of messages, not {json_type(messages)}")
        for number, message in enumerate(messages):
            if not isinstance(message, dict) or not isinstance(message.get("role"), str):
                raise UserError(f'{where}: message {number} must be an object with a "role"')
            if not isinstance(message.get("content"), str) and not message.get("tool_calls"):
                raise UserError(f'{where}: message {number} must have a text as its "content"')
        if not any(message["role"] == "assistant" for message in messages):
            raise UserError(f"{where}: no message is of the assistant, so that there is nothing to learn")
        return messages
