"""A per-row option of a task that is a text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

SEPARATOR = "\x1e"
"""Stands between the texts of a row where several are one string: U+001E, which ASCII calls record separator."""


@dataclass(frozen=True)
class TextControl:
    """One per-row option of a task's results that is a text, such as the stop strings of a generator.

    Attributes:
        default: The value used where the caller gives none.
        most_bytes: Of UTF-8; a longer value is refused with the control's name.
        description: One line for signatures and generated documentation.
        trials: Values that exports are verified with.
        choices: All values that are allowed; None for any text.
        pattern: Regular expression, of RE2 and Python alike, that a value must match as a whole; None for any text.
        accepts: From values, a string tensor [B] that may hold anything, to a bool tensor [B]: what a pattern cannot
            say, besides it. None for nothing.
        rule: What a value must be so that it does, for messages.
    """

    dtype: ClassVar[str] = "string"
    default: str
    most_bytes: int
    description: str
    trials: tuple[str, ...]
    choices: tuple[str, ...] | None = None
    pattern: str | None = None
    accepts: Callable[[Any], Any] | None = None
    rule: str = ""
