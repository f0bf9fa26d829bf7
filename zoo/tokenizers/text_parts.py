"""Texts as parts, of which some are single tokens, and the tokens of the parts put together again, inside a graph."""

from typing import NamedTuple

import tensorflow as tf

from zoo.tokenizers.tokenized_text import TokenizedText


class TextParts(NamedTuple):
    """Parts of a batch of texts. P is their number in all rows together.

    Attributes:
        texts: string [P], what is to be tokenized; empty for a part that is one token.
        token_ids: int32 [P], the token that a part is; below 0 for text.
        starts: int32 [P], where in its row each part begins, in bytes.
        ends: int32 [P], where it ends, exclusive, the blanks included that a token swallows.
        row_splits: int64 [B + 1], where in the parts each row begins; the last is P.
    """

    texts: tf.Tensor
    token_ids: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    row_splits: tf.Tensor


def whole_texts(texts) -> TextParts:
    """Each text as one part, string [B]."""
    lengths = tf.strings.length(texts)
    zeros = tf.zeros_like(lengths)
    return TextParts(texts, zeros - 1, zeros, lengths, tf.range(tf.size(texts, tf.int64) + 1))


def joined_ids(parts: TextParts, token_ids: tf.RaggedTensor) -> tf.RaggedTensor:
    """The ids of whole rows, int32 [B, None], where `token_ids`, int32 [P, None], are those of the parts' texts."""

    def join():
        places = _places(parts, token_ids.row_splits)
        return places.put(parts.token_ids, token_ids.flat_values), places.row_splits

    def plain():
        return token_ids.flat_values, tf.gather(token_ids.row_splits, parts.row_splits)

    values, row_splits = tf.cond(_any_token(parts), join, plain)
    return tf.RaggedTensor.from_row_splits(values, row_splits, validate=False)


def joined_tokens(parts: TextParts, tokens: TokenizedText) -> TokenizedText:
    """The tokens of whole rows, where `tokens` are those of the parts' texts."""
    splits = tokens.token_ids.row_splits
    places = _places(parts, splits)
    part_of = tf.cast(tokens.token_ids.value_rowids(), tf.int32)
    # Words are numbered anew: one begins with every part and wherever the number changes within one.
    same = (part_of[1:] == part_of[:-1]) & (tokens.word_ids.flat_values[1:] == tokens.word_ids.flat_values[:-1])
    first = tf.concat([[1], 1 - tf.cast(same, tf.int32)], 0)[: tf.size(part_of)]
    first = places.put(tf.ones_like(parts.token_ids), first)
    numbers = tf.cumsum(first) - 1
    row_splits = places.row_splits
    lengths = row_splits[1:] - row_splits[:-1]
    row_firsts = tf.gather(tf.concat([numbers, [0]], 0), row_splits[:-1])
    before = tf.gather(parts.starts, part_of)
    fields = (
        places.put(parts.token_ids, tokens.token_ids.flat_values),
        numbers - tf.repeat(row_firsts, lengths),
        places.put(parts.starts, tokens.starts.flat_values + before),
        places.put(parts.ends, tokens.ends.flat_values + before),
    )
    return TokenizedText(*(tf.RaggedTensor.from_row_splits(field, row_splits, validate=False) for field in fields))


class _Places(NamedTuple):
    """Where things go: those of parts that are tokens, int32, those of all other tokens, int32, and the new rows."""

    is_token: tf.Tensor
    of_parts: tf.Tensor
    of_tokens: tf.Tensor
    row_splits: tf.Tensor

    def put(self, of_parts, of_tokens):
        """One vector of values by part and values by token."""
        return tf.dynamic_stitch([self.of_parts, self.of_tokens], [tf.boolean_mask(of_parts, self.is_token), of_tokens])


def _places(parts, splits):
    is_token = parts.token_ids >= 0
    tokens_until = tf.concat([[0], tf.cumsum(tf.cast(is_token, tf.int64))], 0)
    places = splits + tokens_until
    of_tokens = tf.range(splits[-1]) + tf.repeat(tokens_until[:-1], splits[1:] - splits[:-1])
    return _Places(
        is_token,
        tf.cast(tf.boolean_mask(places[:-1], is_token), tf.int32),
        tf.cast(of_tokens, tf.int32),
        tf.gather(places, parts.row_splits),
    )


def _any_token(parts):
    return tf.reduce_any(parts.token_ids >= 0)
