"""Texts that a task cannot do without: refused by name in Python calls and within graphs where they are blank."""

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from zoo.errors import UserError

STAND_IN = "."
"""What is read in place of a row that is refused, so that something is."""


def blank_refusal(name: str) -> str:
    """What is said of a text without a character but blanks, beginning with the name of the input."""
    return f"{name} must not be empty"


def check_not_blank(required: Iterable[str], inputs: Sequence[str], columns: Sequence[Sequence[bytes]]) -> None:
    """Refuses a call in which a required text holds nothing but blanks of ASCII.

    Args:
        required: Names of the inputs.
        inputs: Names of all inputs of the call.
        columns: A list of bytes for each of these.

    Raises:
        UserError: naming the input and the position.
    """
    for name, column in zip(inputs, columns, strict=True):
        for position, text in enumerate(column if name in required else ()):
            if not text.strip():
                raise UserError(f"{blank_refusal(name)}; that at position {position} is {text[:40]!r}")


def not_blank(texts: Any) -> Any:
    """Which texts hold more than blanks of ASCII, bool [B] of string [B]."""
    return tf.strings.length(tf.strings.strip(texts)) > 0


def with_checks(required: Iterable[str], texts: dict[str, Any]) -> dict[str, Any]:
    """The texts again, string [B] by input name, which fail by name where a required one is blank."""
    checks = [
        tf.debugging.Assert(tf.reduce_all(not_blank(texts[name])), [blank_refusal(name)], summarize=1)
        for name in required
    ]
    with tf.control_dependencies(checks):
        return {name: tf.identity(text) for name, text in texts.items()} if checks else texts
