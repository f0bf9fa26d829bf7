"""Tokens of words put in order: words that are one token, and words that were taken apart, inside a graph."""

from typing import NamedTuple

import tensorflow as tf


class Tokens(NamedTuple):
    """Tokens of a batch of texts. T is their number in all rows together.

    Attributes:
        ids: int32 [T].
        words: int32 [T], index of the word that each is part of, counted through all rows.
        row_splits: int64 [B + 1], where each text begins; the last is T.
    """

    ids: tf.Tensor
    words: tf.Tensor
    row_splits: tf.Tensor


def join_word_tokens(ids, missing, which, pieces, piece_splits, row_splits) -> Tokens:
    """The tokens of W words, of which M are not one token and are spelled in the pieces of D different words.

    Args:
        ids: int64 [W], the token that each word is; anything for the M others.
        missing: int64 [M, 1], which words the others are.
        which: int32 [M], which of the D different words each of them is.
        pieces: int64, the tokens of the different words, one after the other.
        piece_splits: int64 [D + 1], where each of them begins.
        row_splits: int64 [B + 1], where in the words each text begins; the last is W.
    """
    piece_splits = tf.cast(piece_splits, tf.int32)
    # Where the tokens of a word begin among the ids of words in the vocabulary and those of pieces, and how many.
    candidates = tf.concat([ids, pieces], 0)
    num_words = tf.size(ids)
    places, counts = tf.range(num_words), tf.ones_like(ids, tf.int32)
    places = tf.tensor_scatter_nd_update(places, missing, num_words + tf.gather(piece_splits, which))
    counts = tf.tensor_scatter_nd_update(counts, missing, tf.gather(piece_splits[1:] - piece_splits[:-1], which))
    token_splits = tf.concat([[0], tf.cumsum(counts)], 0)
    firsts, num_tokens = token_splits[:-1], token_splits[-1]
    # Words without tokens at the end begin after the last token.
    begun = tf.scatter_nd(firsts[:, tf.newaxis], tf.ones_like(firsts), num_tokens[tf.newaxis] + 1)[:-1]
    token_words = tf.cumsum(begun) - 1
    places = tf.gather(places - firsts, token_words) + tf.range(num_tokens)
    row_splits = tf.cast(tf.gather(token_splits, row_splits), tf.int64)
    return Tokens(tf.cast(tf.gather(candidates, places), tf.int32), token_words, row_splits)
