"""From byte offsets to character offsets, inside a graph."""

from typing import Any, NamedTuple

import tensorflow as tf

from zoo.tokenizers.clean_text import string_tensor


class CodePoints(NamedTuple):
    """A batch of texts as code points, row after row. N is the number of code points of all rows.

    Attributes:
        values: int32 [N].
        row_splits: int64 [B + 1].
    """

    values: tf.Tensor
    row_splits: tf.Tensor


def code_points(texts) -> CodePoints:
    """Decodes a batch; what is no valid UTF-8 gives U+FFFD, as in `clean_text`.

    Args:
        texts: string tensor of shape [B], or a list of str or bytes.
    """
    decoded = tf.raw_ops.UnicodeDecode(
        input=string_tensor(texts),
        input_encoding="UTF-8",
        errors="replace",
        replacement_char=0xFFFD,
        replace_control_characters=False,
        Tsplits=tf.int64,
    )
    return CodePoints(decoded.char_values, decoded.row_splits)


def byte_positions(values) -> tf.Tensor:
    """Where each code point begins and the last one ends, in bytes of UTF-8 counted through all rows.

    Args:
        values: int32 [N], as in `CodePoints`.

    Returns:
        int32 [N + 1], beginning with 0.
    """
    lengths = 1 + sum(tf.cast(values >= first, tf.int32) for first in (0x80, 0x800, 0x10000))
    return tf.concat([[0], tf.cumsum(lengths)], 0)


def character_offsets(texts: Any, byte_offsets: tf.RaggedTensor) -> tf.RaggedTensor:
    """Offsets in code points for offsets in bytes.

    Both count in `clean_text(texts)`. An offset inside a character counts as the end of that character, and one outside
    the text as the nearer end of the text.

    Args:
        texts: string tensor of shape [B], or a list of str or bytes.
        byte_offsets: integer ragged tensor of shape [B, None], in any order.

    Returns:
        int32 ragged tensor of the same shape.

    Example:
        >>> character_offsets(["é😀!"], tf.ragged.constant([[2, 6, 7]]))
        <tf.RaggedTensor [[1, 2, 3]]>
    """
    decoded = code_points(texts)
    positions = byte_positions(decoded.values)
    rows = byte_offsets.value_rowids()
    offsets = tf.cast(byte_offsets.flat_values, tf.int32)
    row_bytes = tf.gather(positions, decoded.row_splits)
    first, last = tf.gather(row_bytes, rows), tf.gather(row_bytes, rows + 1)
    offsets = tf.clip_by_value(offsets, 0, last - first)
    found = tf.searchsorted(positions, first + offsets) - tf.cast(tf.gather(decoded.row_splits, rows), tf.int32)
    return byte_offsets.with_flat_values(found)


class PlacesOfCharacters(NamedTuple):
    """Where spans of texts are, all int32 ragged [B, None] and half-open.

    Attributes:
        starts, ends: In characters.
        start_bytes, end_bytes: In bytes.
    """

    starts: tf.RaggedTensor
    ends: tf.RaggedTensor
    start_bytes: tf.RaggedTensor
    end_bytes: tf.RaggedTensor


def whole_characters(texts: Any, starts: tf.RaggedTensor, ends: tf.RaggedTensor) -> PlacesOfCharacters:
    """Spans that have all of the characters of which they have a part; tokens may begin and end inside a character.

    Args:
        texts: string tensor of shape [B], valid UTF-8.
        starts, ends: int32 ragged [B, None], in bytes and half-open.
    """
    first, last = starts.flat_values, ends.flat_values
    some = tf.cast(first < last, tf.int32)
    offsets = tf.reshape(tf.stack([first + some, last], axis=1), [-1])
    pairs = tf.RaggedTensor.from_row_lengths(offsets, 2 * starts.row_lengths(), validate=False)
    characters = tf.reshape(character_offsets(texts, pairs).flat_values, [-1, 2])
    characters -= tf.stack([some, tf.zeros_like(some)], axis=1)
    decoded = code_points(texts)
    positions = byte_positions(decoded.values)
    before = tf.gather(tf.cast(decoded.row_splits, tf.int32), starts.value_rowids())[:, tf.newaxis]
    places = tf.gather(positions, before + characters) - tf.gather(positions, before)
    return PlacesOfCharacters(
        *(starts.with_flat_values(part[:, side]) for part in (characters, places) for side in (0, 1))
    )
