"""How language models split texts into words before byte-pair merges, as regular expressions of RE2.

tokenizer.json spells a pre-tokeniser as a sequence of steps, each of which splits the parts that the one before left.
Here a step has a name. RE2 knows no lookahead and another version of Unicode than the reference does, so the expression
of a step is translated: its classes become explicit ranges, and `\\s+(?!\\S)` becomes a replacement of its own, which
separates the last of several blanks from those before it.
"""

import re
from collections.abc import Iterable

from zoo.errors import UserError
from zoo.tokenizers.byte_pair.characters import (
    BLANKS,
    LETTERS,
    LOWERCASE_LETTERS,
    MARKS,
    NEWER_NUMBERS,
    NUMBERS,
    UPPERCASE_LETTERS,
)
from zoo.tokenizers.character_ranges import class_content, without

# A byte that no UTF-8 text holds. Regular expressions do not match it, so that it is a boundary which no word crosses.
BOUNDARY = b"\xff"

_ENGLISH = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LINES = r"\s*[\r\n]+"
_BLANKS = r"\s+(?!\S)|\s+"
_CAPITALS_FIRST = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
_CAPITALS_ONLY = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"

REGULAR_EXPRESSIONS = {
    "gpt2": rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|{_BLANKS}",
    "llama3": (
        rf"{_ENGLISH}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*"
        rf"|{_LINES}|{_BLANKS}"
    ),
    "qwen2": rf"{_ENGLISH}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_LINES}|{_BLANKS}",
    "qwen3_5": (
        rf"{_ENGLISH}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*"
        rf"|{_LINES}|{_BLANKS}"
    ),
    "tekken": (rf"{_CAPITALS_FIRST}|{_CAPITALS_ONLY}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_LINES}|{_BLANKS}"),
    "gpt4o": (
        rf"{_CAPITALS_FIRST}{_ENGLISH}?|{_CAPITALS_ONLY}{_ENGLISH}?|\p{{N}}{{1,3}}"
        rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_LINES}|{_BLANKS}"
    ),
}
"""Steps that split at matches, each of which matches the whole of every text, as tokenizer.json spells them.

gpt2: Radford et al., 2019, also what `ByteLevel` does itself. llama3: Llama 3 and SmolLM3. qwen2: Qwen 2, 2.5 and 3.
qwen3_5: Qwen 3.5. tekken: Mistral's tokenizer of that name. gpt4o: GPT-4o, Llama 4.
"""
DIGITS = {"digits": True, "digit_runs": False}
"""Steps of the kind `Digits`, which part numbers from what is no number, by whether each digit is a word of its own."""

STEPS = (*REGULAR_EXPRESSIONS, *DIGITS)
DEFAULT = ("gpt2",)


def checked_steps(steps: Iterable[str]) -> tuple[str, ...]:
    """The names of steps, checked.

    Raises:
        UserError: for anything but a list of names of `STEPS` with at least one expression among them.
    """
    steps = (steps,) if isinstance(steps, str) else tuple(steps) if isinstance(steps, Iterable) else (steps,)
    for step in steps:
        if step not in STEPS:
            raise UserError(f"pre_tokenizer holds {step!r}; known steps: {', '.join(STEPS)}")
    if not set(steps) & set(REGULAR_EXPRESSIONS):
        raise UserError(f"pre_tokenizer is {list(steps)}; it needs one of {', '.join(REGULAR_EXPRESSIONS)}")
    return steps


def replacements(step: str) -> list[tuple[str, bytes]]:
    """A step as what to replace by what, one after the other, so that there is a boundary between any two words."""
    if step in DIGITS:
        repeated = "" if DIGITS[step] else "+"
        numbers = class_content(NUMBERS) + class_content(NEWER_NUMBERS)
        return [(f"[{numbers}]{repeated}", BOUNDARY + rb"\0" + BOUNDARY)]
    regex = REGULAR_EXPRESSIONS[step]
    # The last of several blanks goes with what follows, unless it ends a line, where lines are words.
    last = without(BLANKS, "a d") if _LINES in regex else BLANKS
    last_blank = f"([{class_content(BLANKS)}])([{class_content(last)}][^{class_content(BLANKS)}])"
    word = _translated(regex.removesuffix(_BLANKS) + r"\s+")
    return [(last_blank, rb"\1" + BOUNDARY + rb"\2"), (word, BOUNDARY + rb"\0")]


_CLASSES = {
    r"\p{Lu}\p{Lt}": class_content(UPPERCASE_LETTERS),
    r"\p{Ll}": class_content(LOWERCASE_LETTERS),
    r"\p{Lm}\p{Lo}": class_content(without(LETTERS, UPPERCASE_LETTERS, LOWERCASE_LETTERS)),
    r"\p{L}": class_content(LETTERS),
    r"\p{M}": class_content(MARKS),
    r"\p{N}": class_content(NUMBERS),
    r"\s": class_content(BLANKS),
}


def _translated(regex):
    """An expression of the reference for RE2."""
    names = "|".join(map(re.escape, _CLASSES))
    # What is inside brackets is at odd places.
    parts = re.split(r"(\[[^\]]*\])", regex)
    parts[::2] = [re.sub(names, lambda found: f"[{_CLASSES[found[0]]}]", part) for part in parts[::2]]
    parts[1::2] = [re.sub(names, lambda found: _CLASSES[found[0]], part) for part in parts[1::2]]
    return "".join(parts)
