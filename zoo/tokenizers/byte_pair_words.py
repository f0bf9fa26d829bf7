"""Texts to the words that byte-level BPE works on (GPT-2's pre-tokenisation), inside a graph."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.byte_pair_characters import BLANKS, LETTERS, NUMBERS
from zoo.tokenizers.clean_text import clean_text

# Bytes that no UTF-8 text holds. Regular expressions do not match them, so that the first is a boundary which no word
# crosses. Literal i is the word of the one byte STAND_INS[i].
BOUNDARY = b"\xff"
STAND_INS = tuple(bytes([byte]) for byte in (*range(0xF5, 0xFF), 0xC0, 0xC1))


class Words(NamedTuple):
    """Words of a batch of texts. W is their number in all rows together.

    Attributes:
        words: string [W], the bytes of each word; for a literal its stand-in.
        row_splits: int64 [B + 1], where in the words each text begins; the last is W.
        extra: int32 [W], how many bytes more of the text each word takes up than its own: the blanks that a literal
            swallows, or -1 for a blank that was put before the word. None if there is nothing of the kind.
    """

    words: tf.Tensor
    row_splits: tf.Tensor
    extra: tf.Tensor | None


class Literal(NamedTuple):
    """A special token that is read from text.

    Attributes:
        text: What it is in a text.
        lstrip: Whether it swallows the blanks before it.
    """

    text: str
    lstrip: bool


def check_literals(tokens: Sequence[str]):
    """Checks the special tokens that are to be read from text.

    Args:
        tokens: The tokens.

    Raises:
        UserError: for too many of them, for blanks at their ends, and for two that a text could hold in one place, so
            that it would matter which is found first.
    """
    if len(set(tokens)) != len(tokens) or len(tokens) > len(STAND_INS):
        raise UserError(f"special_tokens_in_text holds a token twice or more than {len(STAND_INS)} tokens")
    for token in tokens:
        if token != token.strip():
            raise UserError(f"special_tokens_in_text holds {token!r}, which begins or ends with a blank")
        for other in tokens:
            overlaps = (token.endswith(other[:length]) for length in range(1, min(len(token), len(other))))
            if other != token and other not in token and any(overlaps):
                raise UserError(f"special_tokens_in_text holds {token!r} and {other!r}, which can overlap in a text")


def _class_content(ranges):
    """Ranges of code points as the inside of a character class."""
    ends = [part.partition("-") for part in ranges.split()]
    return "".join(rf"\x{{{first}}}-\x{{{last}}}" if last else rf"\x{{{first}}}" for first, _, last in ends)


_L, _N, _S = map(_class_content, (LETTERS, NUMBERS, BLANKS))
# What GPT-2 says as \s+(?!\S): of several blanks before something else, the last goes with what follows.
_LAST_BLANK = f"([{_S}])([{_S}][^{_S}])"
_WORD = f"'s|'t|'re|'ve|'m|'ll|'d| ?[{_L}]+| ?[{_N}]+| ?[^{_S}{_L}{_N}]+|[{_S}]+"
BLANK_WORD = f"[{_S}]*"
"""Regular expression of words that are nothing but blanks."""
# The beginning of a text with no " " before it, but for other blanks that a literal swallows: a stand-in follows them,
# which nothing matches.
_OTHER_BLANKS = _S.replace(r"\x{20}", "")
_UNSPACED = f"^([^{_S}]|[{_OTHER_BLANKS}][{_S}]*(?:[^{_S}]|$))"


class BytePairWords:
    """GPT-2's pre-tokenisation (Radford et al., 2019): words keep one blank before them; letters, numbers and other
    characters part, as do English contractions; runs of blanks are words."""

    def __init__(self, literals: Sequence[Literal] = (), add_prefix_space: bool = False):
        """Prepares the patterns.

        Args:
            literals: At most `len(STAND_INS)`; no two may overlap, but one may hold another.
            add_prefix_space: As of `BytePairTokenizer`.
        """
        longest_first = sorted(range(len(literals)), key=lambda index: -len(literals[index].text.encode()))
        self._replacements = []
        for index in longest_first:
            text, lstrip = literals[index]
            # RE2 takes NUL only as an escape sequence.
            pattern = re.escape(text).replace("\x00", r"\x00")
            # The blanks stay before the stand-in, in the same word.
            pattern, blanks = (f"([{_S}]*){pattern}", rb"\1") if lstrip else (pattern, b"")
            self._replacements.append((pattern, BOUNDARY + blanks + STAND_INS[index] + BOUNDARY))
        self._swallowing = [STAND_INS[index] for index, literal in enumerate(literals) if literal.lstrip]
        self._add_prefix_space = add_prefix_space

    def split(self, texts) -> Words:
        """Splits a batch.

        Args:
            texts: string tensor of shape [B], or a list of str or bytes.
        """
        texts = clean_text(texts)
        for pattern, replacement in self._replacements:
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        if not self._add_prefix_space:
            return self._with_swallowed_blanks(Words(*_split(_bounded(texts)), None))
        # What is between two literals is a text of its own.
        parts, part_splits = _split(texts)
        spaced = tf.strings.regex_replace(parts, _UNSPACED, r" \1", replace_global=False)
        words, word_splits = _split(_bounded(spaced))
        added = tf.strings.length(spaced) - tf.strings.length(parts)
        extra = tf.scatter_nd(word_splits[:-1, tf.newaxis], -added, tf.shape(words, tf.int64))
        return self._with_swallowed_blanks(Words(words, tf.gather(word_splits, part_splits), extra))

    def _with_swallowed_blanks(self, split):
        if not self._swallowing:
            return split
        last = tf.strings.substr(split.words, -1, 1)
        swallowing = tf.reduce_any(last[:, tf.newaxis] == tf.constant(self._swallowing), 1)
        blanks = tf.where(swallowing, tf.strings.length(split.words) - 1, 0)
        words = tf.where(swallowing, last, split.words)
        return Words(words, split.row_splits, blanks if split.extra is None else split.extra + blanks)


def _bounded(texts):
    """A boundary before each word."""
    texts = tf.strings.regex_replace(texts, _LAST_BLANK, rb"\1" + BOUNDARY + rb"\2")
    return tf.strings.regex_replace(texts, _WORD, BOUNDARY + rb"\0")


def _split(texts):
    """What is between boundaries, without what is empty, and where each row of it begins."""
    split = tf.raw_ops.StringSplit(input=texts, delimiter=BOUNDARY, skip_empty=True)
    ends = tf.range(tf.size(texts, tf.int64) + 1)
    # tf.searchsorted for vectors, in fewer operations.
    splits = tf.raw_ops.LowerBound(sorted_inputs=[split.indices[:, 0]], values=[ends], out_type=tf.int64)[0]
    return split.values, splits
