"""Pairs of texts as rows of tokens: how much of each text is kept, and the special tokens around them."""

from typing import NamedTuple

import tensorflow as tf

TRUNCATIONS = ("longest_first", "only_first", "only_second")
"""Which text of a pair that is too long loses its end, as transformers calls it."""


class TokenSpans(NamedTuple):
    """A run of tokens for each row.

    Attributes:
        values: int32 [T], tokens of any number of texts, one after the other.
        starts: int32 [N], where each run begins.
        lengths: int32 [N].
    """

    values: tf.Tensor
    starts: tf.Tensor
    lengths: tf.Tensor

    @classmethod
    def of(cls, tokens, lengths=None):
        """The beginnings of texts.

        Args:
            tokens: int32 ragged [B, None].
            lengths: int32 [B], how much of each text; all of it if None.
        """
        lengths = tokens.row_lengths() if lengths is None else lengths
        starts = tokens.row_starts()
        return cls(tf.cast(tokens.flat_values, tf.int32), tf.cast(starts, tf.int32), tf.cast(lengths, tf.int32))


class PairRows(NamedTuple):
    """What a model reads of pairs, all int32 [N, S].

    Attributes:
        token_ids: Filled up with `pad_id`.
        padding_mask: 1 for real tokens.
        segment_ids: Of the first text and the special tokens around it 0, of the second and the one behind it the
            number asked for.
    """

    token_ids: tf.Tensor
    padding_mask: tf.Tensor
    segment_ids: tf.Tensor


def kept_lengths(first, second, most, truncation):
    """How many tokens of either text are kept, as the package tokenizers cuts pairs.

    Where only one text is to be cut and the other leaves no room for a single token of it, the other is cut as well;
    tokenizers stops with an error there.

    Args:
        first, second: int32 [B], tokens of the texts.
        most: int, at least 2: tokens of both that a model reads.
        truncation: One of `TRUNCATIONS`.

    Returns:
        A pair of int32 [B].
    """
    if truncation == "only_first":
        return kept_lengths(second, first, most, "only_second")[::-1]
    if truncation == "only_second":
        kept = tf.minimum(first, most - tf.minimum(second, 1))
        return kept, tf.minimum(second, most - kept)
    shorter, longer = tf.minimum(first, second), tf.maximum(first, second)
    # What the shorter leaves, as long as that is the larger part. Of an odd number the longer text, or else the
    # second, gets one more.
    cut_both = shorter > most // 2
    kept_shorter = tf.where(cut_both, most // 2, shorter)
    kept_longer = tf.minimum(longer, most - kept_shorter)
    whole = first + second <= most
    swapped = first > second
    return (
        tf.where(whole, first, tf.where(swapped, kept_longer, kept_shorter)),
        tf.where(whole, second, tf.where(swapped, kept_shorter, kept_longer)),
    )


def pair_rows(first, second, *, bos_id, eos_id, pad_id, separators, second_segment):
    """Rows of two texts with the special tokens around them, such as `[CLS] first [SEP] second [SEP]`.

    Args:
        first, second: `TokenSpans` of N rows.
        bos_id, eos_id, pad_id: int, the special tokens.
        separators: int, how many of `eos_id` stand between the texts.
        second_segment: int, the segment of the second text.

    Returns:
        `PairRows`.
    """
    first_end = 1 + first.lengths[:, tf.newaxis]
    second_start = first_end + separators
    end = second_start + second.lengths[:, tf.newaxis]
    places = tf.range(tf.reduce_max(tf.concat([end[:, 0], [0]], 0)) + 1)[tf.newaxis]
    real = places <= end
    token_ids = tf.where(places == 0, bos_id, tf.where(real, eos_id, pad_id))
    for spans, start, stop in ((first, 1, first_end), (second, second_start, end)):
        inside = (places >= start) & (places < stop)
        # One token more, so that the other places have something to point at even when there is no token at all.
        values = tf.concat([spans.values, [pad_id]], 0)
        indices = tf.where(inside, spans.starts[:, tf.newaxis] + places - start, tf.size(spans.values))
        token_ids = tf.where(inside, tf.gather(values, indices), token_ids)
    segment_ids = tf.where(real & (places >= second_start), second_segment, 0)
    return PairRows(token_ids, tf.cast(real, tf.int32), segment_ids)
