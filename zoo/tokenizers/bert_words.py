"""Texts to words as BERT's basic tokenizer splits and normalises them, inside a graph."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from zoo.tokenizers.bert_character_table import (
    BLANK,
    DROPPED,
    DROPPED_STARTER,
    EXPANDED,
    LETTER,
    MARK,
    SINGLE,
    character_table,
)
from zoo.tokenizers.offsets import CodePoints


class Words(NamedTuple):
    """Words of a batch of texts. W is their number, K that of their characters, in all rows together.

    Attributes:
        codes: int32 [K], the normalised characters, word after word.
        sources: int64 [K], index of the code point that each comes from, ascending.
        word_splits: int64 [W + 1], where in `codes` each word begins; the last is K.
        row_splits: int64 [B + 1], where in the words each text begins; the last is W.
        literals: int32 [W], which literal a word is, below 0 for other words; None if there are no literals.
    """

    codes: tf.Tensor
    sources: tf.Tensor
    word_splits: tf.Tensor
    row_splits: tf.Tensor
    literals: tf.Tensor | None


# Literal i is the character _FIRST_STAND_IN + i inside the graph: private use, which cleaning takes out of every text.
_FIRST_STAND_IN = 0x10FF00


class _Characters(NamedTuple):
    """Classified characters. `codes` and `kinds` int32 [N], `sources` int64 [N], `row_splits` int64 [B + 1]."""

    codes: tf.Tensor
    kinds: tf.Tensor
    sources: tf.Tensor
    row_splits: tf.Tensor


class BertWords(tf.Module):
    """BERT's basic tokenizer (Devlin et al., 2019): cleaning, lowercasing, accent stripping, splitting.

    Works on code points with a table of all of them, because neither the classes nor the case mapping of TensorFlow's
    own operations are those that the vocabularies were made with.
    """

    def __init__(self, lowercase: bool, strip_accents: bool, split_cjk: bool, literals: Sequence[str] = ()):
        """Creates the constants.

        Args:
            lowercase, strip_accents, split_cjk: As of `WordPieceTokenizer`.
            literals: Strings of ASCII that are words as they are wherever they stand in a text; no two can overlap.
        """
        super().__init__(name="bert_words")
        self._literals = tuple(literals)
        table = character_table(lowercase, strip_accents, split_cjk)
        with tf.init_scope():
            self._page_of = tf.constant(table.page_of * table.pages.shape[1])
            self._entries = tf.constant(table.pages.reshape(-1))
            self._expansions = tf.constant(table.expansions)
            self._marks = tf.constant(table.marks)
            self._mark_classes = tf.constant(table.mark_classes)

    def split(self, texts: CodePoints) -> Words:
        """Splits a batch.

        Args:
            texts: The code points of the texts.
        """
        shift, low = tf.bitwise.right_shift, tf.bitwise.bitwise_and
        pages = tf.gather(self._page_of, shift(texts.values, 8))
        entries = tf.gather(self._entries, pages + low(texts.values, 255))
        kinds = low(entries, 7)
        codes = low(shift(entries, 3) + texts.values, 0x1FFFFF)
        if self._literals:
            codes, kinds = self._with_literals(texts, codes, kinds)
        plain = _Characters(codes, kinds, tf.range(tf.size(codes, tf.int64)), texts.row_splits)
        # Most batches hold nothing but blanks, letters and single characters.
        special = tf.reduce_any(kinds >= DROPPED)
        return self._grouped(tf.cond(special, lambda: self._without_special_kinds(plain), lambda: plain))

    def _with_literals(self, texts, codes, kinds):
        """Each literal is one SINGLE character where it begins."""
        values, row_splits = texts
        count = tf.size(values)
        for index, literal in enumerate(self._literals):
            padded = tf.pad(values, [[0, len(literal)]])
            places = tf.range(len(literal), dtype=tf.int64)
            matches = [padded[place : count + place] == ord(character) for place, character in enumerate(literal)]
            starts = tf.where(tf.reduce_all(matches, 0))[:, 0]
            # Not from the end of one text into the next.
            rows = [tf.searchsorted(row_splits, starts + place, "right") for place in (0, len(literal) - 1)]
            starts = tf.boolean_mask(starts, rows[0] == rows[1])[:, tf.newaxis]
            codes = tf.tensor_scatter_nd_update(codes, starts, tf.fill([tf.size(starts)], _FIRST_STAND_IN + index))
            rest = tf.reshape(starts + places, [-1, 1])
            kinds = tf.tensor_scatter_nd_update(kinds, rest, tf.fill([tf.size(rest)], DROPPED))
            kinds = tf.tensor_scatter_nd_update(kinds, starts, tf.fill([tf.size(starts)], SINGLE))
        return codes, kinds

    def _without_special_kinds(self, characters):
        """Only BLANK, LETTER and SINGLE are left."""
        codes, kinds, sources, row_splits = characters
        expanded = kinds == EXPANDED
        rows = tf.gather(self._expansions, tf.where(expanded, codes, 0))
        first = tf.bitwise.bitwise_or(tf.bitwise.left_shift(codes, 3), kinds)
        first = tf.where(expanded, rows[:, 0], first)
        others = tf.where(expanded[:, tf.newaxis], rows[:, 1:], DROPPED)
        entries = tf.reshape(tf.concat([first[:, tf.newaxis], others], 1), [-1])
        kinds = tf.bitwise.bitwise_and(entries, 7)
        kept = tf.where(kinds != DROPPED)[:, 0]
        kinds = tf.gather(kinds, kept)
        codes = tf.bitwise.right_shift(tf.gather(entries, kept), 3)
        sources = kept // tf.shape(rows, tf.int64)[1]
        marked = tf.reduce_any(kinds == MARK)
        row_starts = tf.searchsorted(sources, row_splits[:-1], "left", tf.int64)
        codes, kinds = tf.cond(marked, lambda: self._ordered(codes, kinds, row_starts), lambda: (codes, kinds))
        kept = tf.where(kinds != DROPPED_STARTER)[:, 0]
        sources = tf.gather(sources, kept)
        row_splits = tf.searchsorted(sources, row_splits, "left", tf.int64)
        return _Characters(tf.gather(codes, kept), tf.gather(kinds, kept), sources, row_splits)

    def _ordered(self, codes, kinds, row_starts):
        """Marks in canonical order; where in the text they come from stays in the order of the text."""
        is_mark = kinds == MARK
        # Runs of marks end at any other character and with the text.
        first = tf.math.unsorted_segment_max(tf.ones_like(row_starts), row_starts, tf.size(codes) + 1)[:-1] > 0
        runs = tf.cumsum(tf.cast(~is_mark | first, tf.int64))
        index = tf.minimum(tf.searchsorted(self._marks, codes), tf.size(self._marks) - 1)
        classes = tf.where(is_mark, tf.gather(self._mark_classes, index), 0)
        count = tf.size(codes, tf.int64)
        order = tf.argsort((runs * 256 + tf.cast(classes, tf.int64)) * count + tf.range(count))
        codes, kinds = tf.gather(codes, order), tf.gather(kinds, order)
        return codes, tf.where(kinds == MARK, LETTER, kinds)

    def _grouped(self, characters):
        """Words of characters that are BLANK, LETTER or SINGLE."""
        positions = tf.where(characters.kinds > BLANK)[:, 0]
        kinds, codes = tf.gather(characters.kinds, positions), tf.gather(characters.codes, positions)
        # A word goes on where a letter is the neighbour of a letter in the same text.
        goes_on = (positions[1:] - positions[:-1] == 1) & (tf.maximum(kinds[1:], kinds[:-1]) == LETTER)
        # One place more than characters, for rows at the end that have none and for the end itself.
        goes_on = tf.concat([[False], goes_on, [False]], 0)
        row_starts = _first_not_below(positions, characters.row_splits)
        goes_on = tf.tensor_scatter_nd_update(goes_on, row_starts[:, tf.newaxis], tf.zeros_like(row_starts, tf.bool))
        word_splits = tf.where(~goes_on)[:, 0]
        # The places before and after no character at all are the same.
        word_splits = word_splits[: tf.size(positions) + 1]
        return Words(
            codes=codes,
            sources=tf.gather(characters.sources, positions),
            word_splits=word_splits,
            row_splits=_first_not_below(word_splits, row_starts),
            literals=self._literals_of(tf.gather(codes, word_splits[:-1])) if self._literals else None,
        )

    def _literals_of(self, codes):
        index = codes - _FIRST_STAND_IN
        return tf.where(index < len(self._literals), index, -1)


def _first_not_below(ascending, values):
    """Index of the first element of `ascending` that is not below each value: tf.searchsorted for vectors, in fewer
    operations."""
    return tf.raw_ops.LowerBound(sorted_inputs=ascending[tf.newaxis], values=values[tf.newaxis], out_type=tf.int64)[0]
