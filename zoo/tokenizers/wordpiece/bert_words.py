"""Texts to words as BERT's basic tokenizer splits and normalises them, inside a graph."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.added_tokens.search import AddedTokenSearch, telling_characters
from zoo.tokenizers.offsets import CodePoints, byte_positions, code_points
from zoo.tokenizers.text_parts import whole_texts
from zoo.tokenizers.wordpiece.bert_character_table import (
    BLANK,
    DROPPED,
    DROPPED_STARTER,
    EXPANDED,
    LETTER,
    MARK,
    SINGLE,
    character_table,
)
from zoo.tokenizers.wordpiece.bert_characters import CJK

_CJK_RANGES = [[int(end, 16) for end in part.split("-")] for part in CJK.split()]


class Words(NamedTuple):
    """Words of a batch of texts. W is their number, K that of their characters, in all rows together.

    Attributes:
        codes: int32 [K], the normalised characters, word after word.
        sources: int64 [K], index of the code point that each comes from, ascending.
        word_splits: int64 [W + 1], where in `codes` each word begins; the last is K.
        row_splits: int64 [B + 1], where in the words each text begins; the last is W.
        last_sources: int64 [K], the same for characters that stand for several, of which this is the last.
        token_ids: int32 [W], the added token that a word is, below 0 for other words; None if there are none.
    """

    codes: tf.Tensor
    sources: tf.Tensor
    word_splits: tf.Tensor
    row_splits: tf.Tensor
    last_sources: tf.Tensor
    token_ids: tf.Tensor | None


class _Characters(NamedTuple):
    """Classified characters.

    Attributes:
        codes, kinds: int32 [N].
        sources: int64 [N].
        row_splits: int64 [B + 1].
        last_sources: int64 [N], as of `Words`.
        token_ids: int32 [N], the added token that a character stands for, below 0 for others.
    """

    codes: tf.Tensor
    kinds: tf.Tensor
    sources: tf.Tensor
    row_splits: tf.Tensor
    last_sources: tf.Tensor | None = None
    token_ids: tf.Tensor | None = None


class BertWords(tf.Module):
    """BERT's basic tokenizer (Devlin et al., 2019): cleaning, lowercasing, accent stripping, splitting.

    Works on code points with a table of all of them, because neither the classes nor the case mapping of TensorFlow's
    own operations are those that the vocabularies were made with.
    """

    def __init__(self, lowercase: bool, strip_accents: bool, split_cjk: bool, added: Sequence[AddedToken] = ()):
        """Creates the constants.

        Args:
            lowercase, strip_accents, split_cjk: As of `WordPieceTokenizer`.
            added: Tokens that are words wherever they stand in the normalised text.
        """
        super().__init__(name="bert_words")
        self._split_cjk = split_cjk
        table = character_table(lowercase, strip_accents, split_cjk)
        with tf.init_scope():
            self._page_of = tf.constant(table.page_of * table.pages.shape[1])
            self._entries = tf.constant(table.pages.reshape(-1))
            self._expansions = tf.constant(table.expansions)
            self._marks = tf.constant(table.marks)
            self._mark_classes = tf.constant(table.mark_classes)
            self._added = None
            if added:
                contents = self._normalized(code_points([token.content for token in added]))
                contents = [content.decode() for content in _texts(self._padded(contents)).numpy()]
                self._added = AddedTokenSearch(added, contents)
                self._telling = telling_characters(contents)

    def split(self, texts: CodePoints) -> Words:
        """Splits a batch.

        Args:
            texts: The code points of the texts.
        """
        characters = self._normalized(texts)
        if self._added is None:
            return self._grouped(characters)

        def split():
            return self._grouped(self._with_added_tokens(self._padded(characters)))

        def whole():
            words = self._grouped(characters)
            return words._replace(token_ids=-tf.ones_like(words.word_splits[1:], tf.int32))

        if not self._telling:
            return split()
        # Most batches hold no added token.
        may_hold = tf.reduce_any(tf.stack([tf.reduce_any(characters.codes == ord(each)) for each in self._telling]))
        return Words(*tf.cond(may_hold, split, whole))

    def _normalized(self, texts):
        """The characters of texts, of which only BLANK, LETTER and SINGLE are left."""
        shift, low = tf.bitwise.right_shift, tf.bitwise.bitwise_and
        pages = tf.gather(self._page_of, shift(texts.values, 8))
        entries = tf.gather(self._entries, pages + low(texts.values, 255))
        kinds = low(entries, 7)
        codes = low(shift(entries, 3) + texts.values, 0x1FFFFF)
        plain = _Characters(codes, kinds, tf.range(tf.size(codes, tf.int64)), texts.row_splits)
        # Most batches hold nothing but blanks, letters and single characters.
        special = tf.reduce_any(kinds >= DROPPED)
        codes, kinds, sources, row_splits = tf.cond(
            special, lambda: self._without_special_kinds(*plain[:4]), lambda: plain[:4]
        )
        return _Characters(codes, kinds, sources, row_splits)

    def _padded(self, characters):
        """Characters with blanks around each ideograph, which is how normalisation sets it apart; all blanks alike."""
        codes, kinds, sources, row_splits = characters[:4]
        if not self._split_cjk:
            return _Characters(tf.where(kinds == BLANK, ord(" "), codes), kinds, sources, row_splits)
        is_cjk = tf.zeros_like(kinds, tf.bool)
        for first, last in _CJK_RANGES:
            is_cjk |= (codes >= first) & (codes <= last)
        copies = tf.where(is_cjk & (kinds == SINGLE), 3, 1)
        ends = tf.concat([[0], tf.cumsum(tf.cast(copies, tf.int64))], 0)
        places = tf.repeat(tf.range(tf.size(codes)), copies)
        pad = (tf.gather(copies, places) == 3) & (tf.range(ends[-1]) != tf.gather(ends, places) + 1)
        kinds = tf.where(pad, BLANK, tf.gather(kinds, places))
        codes = tf.where(kinds == BLANK, ord(" "), tf.gather(codes, places))
        return _Characters(codes, kinds, tf.gather(sources, places), tf.gather(ends, row_splits))

    def _with_added_tokens(self, characters):
        """Each added token is one SINGLE character, the blanks that it swallows included."""
        codes, kinds, sources, row_splits = characters[:4]
        parts = self._added.split(whole_texts(_texts(characters)))
        which = tf.where(parts.token_ids >= 0)
        # In characters and through all rows.
        row_bytes = tf.gather(byte_positions(codes), row_splits)
        before = tf.repeat(row_bytes[:-1], parts.row_splits[1:] - parts.row_splits[:-1])
        first, end = (
            tf.searchsorted(byte_positions(codes), tf.gather_nd(places + before, which), out_type=tf.int64)[:, None]
            for places in (parts.starts, parts.ends)
        )
        count = tf.shape(codes, tf.int64)
        # What is between the first character and the end counts as blank.
        ones = tf.ones_like(first[:, 0], tf.int32)
        inside = tf.cumsum(tf.scatter_nd(first, ones, count + 1) - tf.scatter_nd(end, ones, count + 1))[:-1] > 0
        kinds = tf.where(inside, BLANK, kinds)
        kinds = tf.tensor_scatter_nd_update(kinds, first, SINGLE * ones)
        token_ids = tf.tensor_scatter_nd_update(tf.zeros_like(codes) - 1, first, tf.gather_nd(parts.token_ids, which))
        last_sources = tf.tensor_scatter_nd_update(sources, first, tf.gather(sources, end[:, 0] - 1))
        return _Characters(codes, kinds, sources, row_splits, last_sources, token_ids)

    def _without_special_kinds(self, codes, kinds, sources, row_splits):
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
        return tf.gather(codes, kept), tf.gather(kinds, kept), sources, row_splits

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
        sources, last_sources, token_ids = tf.gather(characters.sources, positions), None, None
        if characters.token_ids is not None:
            last_sources = tf.gather(characters.last_sources, positions)
            token_ids = tf.gather(characters.token_ids, tf.gather(positions, word_splits[:-1]))
        return Words(
            codes=codes,
            sources=sources,
            word_splits=word_splits,
            row_splits=_first_not_below(word_splits, row_starts),
            last_sources=sources if last_sources is None else last_sources,
            token_ids=token_ids,
        )


def _texts(characters):
    """Normalised texts, string [B]."""
    return tf.raw_ops.UnicodeEncode(
        input_values=characters.codes,
        input_splits=characters.row_splits,
        output_encoding="UTF-8",
        errors="replace",
    )


def _first_not_below(ascending, values):
    """Index of the first element of `ascending` that is not below each value: tf.searchsorted for vectors, in fewer
    operations."""
    return tf.raw_ops.LowerBound(sorted_inputs=ascending[tf.newaxis], values=values[tf.newaxis], out_type=tf.int64)[0]
