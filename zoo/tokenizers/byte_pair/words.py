"""Texts to the words that byte-level BPE works on (pre-tokenisation), inside a graph."""

from collections.abc import Iterable
from typing import NamedTuple

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.byte_pair.characters import BLANKS
from zoo.tokenizers.byte_pair.pre_tokenizers import BOUNDARY, DEFAULT, checked_steps, replacements
from zoo.tokenizers.character_ranges import class_content

BLANK_WORD = f"[{class_content(BLANKS)}]*"
"""Regular expression of words that are nothing but blanks."""
# The beginning of a text with no " " before it.
_UNSPACED = "(?s)^([^ ])"


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


class BytePairWords:
    """The words of texts by a pre-tokeniser, such as GPT-2's (Radford et al., 2019): words keep one blank before them;
    letters, numbers and other characters part, as do English contractions; runs of blanks are words."""

    def __init__(self, add_prefix_space: bool = False, pre_tokenizer: Iterable[str] = DEFAULT):
        """Creates the splitter.

        Args:
            add_prefix_space, pre_tokenizer: As of `BytePairTokenizer`.

        Raises:
            UserError: for unknown steps, and for a prefix space before the words of several steps.
        """
        self.pre_tokenizer = checked_steps(pre_tokenizer)
        if add_prefix_space and self.pre_tokenizer != DEFAULT:
            raise UserError(f"add_prefix_space is not supported with pre_tokenizer {list(self.pre_tokenizer)}")
        self._add_prefix_space = add_prefix_space
        self._replacements = [pair for step in self.pre_tokenizer for pair in replacements(step)]

    def split(self, texts) -> Words:
        """Splits a batch.

        Args:
            texts: string tensor of shape [B], valid UTF-8.
        """
        if not self._add_prefix_space:
            return Words(*_split(self._bounded(texts)), None)
        spaced = tf.strings.regex_replace(texts, _UNSPACED, r" \1", replace_global=False)
        words, row_splits = _split(self._bounded(spaced))
        added = tf.strings.length(spaced) - tf.strings.length(texts)
        # A text that is empty has no first word.
        has_words = row_splits[1:] > row_splits[:-1]
        firsts = tf.boolean_mask(row_splits[:-1], has_words)[:, tf.newaxis]
        extra = tf.scatter_nd(firsts, -tf.boolean_mask(added, has_words), tf.shape(words, tf.int64))
        return Words(words, row_splits, extra)

    def _bounded(self, texts):
        """A boundary between any two words."""
        for pattern, replacement in self._replacements:
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        return texts


def _split(texts):
    """What is between boundaries, without what is empty, and where each row of it begins."""
    split = tf.raw_ops.StringSplit(input=texts, delimiter=BOUNDARY, skip_empty=True)
    ends = tf.range(tf.size(texts, tf.int64) + 1)
    # tf.searchsorted for vectors, in fewer operations.
    splits = tf.raw_ops.LowerBound(sorted_inputs=[split.indices[:, 0]], values=[ends], out_type=tf.int64)[0]
    return split.values, splits
