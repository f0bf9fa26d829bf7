"""Texts to the words that byte-level BPE works on (GPT-2's pre-tokenisation), inside a graph."""

from typing import NamedTuple

import tensorflow as tf

from zoo.tokenizers.byte_pair.characters import BLANKS, LETTERS, NUMBERS

# A byte that no UTF-8 text holds. Regular expressions do not match it, so that it is a boundary which no word crosses.
BOUNDARY = b"\xff"


class Words(NamedTuple):
    """Words of a batch of texts. W is their number in all rows together.

    Attributes:
        words: string [W], the bytes of each word.
        row_splits: int64 [B + 1], where in the words each text begins; the last is W.
        extra: int32 [W], how many bytes more of the text each word takes up than its own: -1 for a blank that was put
            before the word. None if none was.
    """

    words: tf.Tensor
    row_splits: tf.Tensor
    extra: tf.Tensor | None


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
# The beginning of a text with no " " before it.
_UNSPACED = "(?s)^([^ ])"


class BytePairWords:
    """GPT-2's pre-tokenisation (Radford et al., 2019): words keep one blank before them; letters, numbers and other
    characters part, as do English contractions; runs of blanks are words."""

    def __init__(self, add_prefix_space: bool = False):
        """Creates the splitter.

        Args:
            add_prefix_space: As of `BytePairTokenizer`.
        """
        self._add_prefix_space = add_prefix_space

    def split(self, texts) -> Words:
        """Splits a batch.

        Args:
            texts: string tensor of shape [B], valid UTF-8.
        """
        if not self._add_prefix_space:
            return Words(*_split(_bounded(texts)), None)
        spaced = tf.strings.regex_replace(texts, _UNSPACED, r" \1", replace_global=False)
        words, row_splits = _split(_bounded(spaced))
        added = tf.strings.length(spaced) - tf.strings.length(texts)
        # A text that is empty has no first word.
        has_words = row_splits[1:] > row_splits[:-1]
        firsts = tf.boolean_mask(row_splits[:-1], has_words)[:, tf.newaxis]
        extra = tf.scatter_nd(firsts, -tf.boolean_mask(added, has_words), tf.shape(words, tf.int64))
        return Words(words, row_splits, extra)


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
