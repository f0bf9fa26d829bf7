"""Preferences in JSON Lines files: a prompt, an answer that was chosen, and one that was rejected."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.data.readers.json_lines import JsonLines, checked_text, field, json_type
from zoo.errors import UserError


class Preference(NamedTuple):
    """One preference.

    Attributes:
        prompt: A text, or a list of messages.
        chosen, rejected: Texts that go on with a text, or lists of messages that go on with messages.
        where: "file:line".
    """

    prompt: Any
    chosen: Any
    rejected: Any
    where: str


class PreferenceLines:
    """The preferences of JSON Lines files, plain or gzip-compressed, one a line; every iteration reads them anew.

    A line has `chosen` and `rejected` and may have `prompt`: all texts, or all lists of messages, each an object with
    `role` and `content`. Without `prompt` the two lists are whole conversations, whose prompt is what they have in
    common at their beginning.

    Args:
        paths: The files, in order.

    Attributes:
        name: What to call them in messages.

    Raises:
        UserError: At construction when there is no file or one is missing or unreadable; while iterating, with file and
            line, for lines of another form, answers that are the same or empty, and a file without a preference.

    Example:
        >>> for prompt, chosen, rejected, where in PreferenceLines(["train.jsonl"]): ...
    """

    def __init__(self, paths: Sequence[str | Path]):
        if not paths:
            raise UserError("there is no file of preferences; name at least one")
        self._files = [JsonLines(path) for path in paths]
        more = len(paths) - 1
        self.name = f"{paths[0]}" + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def __iter__(self) -> Iterator[Preference]:
        """Yields each `Preference`."""
        for file in self._files:
            empty = True
            for row, where in file:
                empty = False
                yield _preference(row, where)
            if empty:
                raise UserError(f"{file.path}: has no preference; is it the right file?")


def _preference(row, where):
    chosen, rejected = (field(row, name, where) for name in ("chosen", "rejected"))
    given = {"chosen": chosen, "rejected": rejected}
    if "prompt" in row:
        given["prompt"] = row["prompt"]
    if isinstance(chosen, list):
        for name, value in given.items():
            _check_messages(value, name, where)
        prompt = given.get("prompt")
        if prompt is None:
            pairs = zip(chosen, rejected, strict=False)
            same = next(
                (place for place, (one, other) in enumerate(pairs) if one != other), min(map(len, (chosen, rejected)))
            )
            prompt, chosen, rejected = chosen[:same], chosen[same:], rejected[same:]
        for name, answer in (("chosen", chosen), ("rejected", rejected)):
            if not answer or answer[-1]["role"] != "assistant":
                raise UserError(
                    f"{where}: {name!r} must end with a message of the assistant that the prompt does not have"
                )
    else:
        for name in ("prompt", "chosen", "rejected"):
            given[name] = checked_text(field(row, name, where), f"field {name!r}", where)
            if name != "prompt" and not given[name].strip():
                raise UserError(f"{where}: field {name!r} is empty")
        prompt = given["prompt"]
    if chosen == rejected:
        raise UserError(f"{where}: 'chosen' and 'rejected' are the same")
    return Preference(prompt, chosen, rejected, where)


def _check_messages(messages, name, where):
    if not isinstance(messages, list):
        raise UserError(f"{where}: field {name!r} must be a list of messages as 'chosen' is, not {json_type(messages)}")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise UserError(f'{where}: message {number} of {name!r} must be an object with a "role"')
        if not isinstance(message.get("content"), str):
            raise UserError(f'{where}: message {number} of {name!r} must have a text as its "content"')
