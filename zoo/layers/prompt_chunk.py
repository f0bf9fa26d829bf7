"""Prompts that are read some tokens at a time, so that no step of it needs memory for all of them.

Under TensorFlow. The other backends have kernels of attention that do not write its logits down, and JAX compiles for
every length anew.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.layers.key_value_cache import most_recent, smaller
from zoo.layers.query_blocks import LONG
from zoo.layers.row_blocks import MOST_LOGITS


def reads_in_chunks(max_sequence_length: int) -> bool:
    """Whether a model of so many positions reads its prompts in chunks."""
    return keras.config.backend() == "tensorflow" and max_sequence_length > LONG


def chunk_length(num_rows: Any, length: Any, num_heads: int) -> Any:
    """int32 scalar: tokens of `num_rows` prompts of `length` that have at most `MOST_LOGITS` logits of attention."""
    import tensorflow as tf

    logits = tf.cast(num_rows, tf.int64) * num_heads * tf.cast(length, tf.int64)
    return tf.cast(tf.clip_by_value(MOST_LOGITS // tf.maximum(logits, 1), 1, tf.int32.max), tf.int32)


class PromptChunk(NamedTuple):
    """Where a chunk of prompts lies, and the keys and values of what comes before it.

    Attributes:
        start: int32 scalar, the position of its first token.
        lengths: int32 `[B]`, real tokens of each prompt.
        cache: Keys and values of a block, `[B, H', P, K]` each, of which those before `start` have been written; or
            with a window, of fewer places, the last of those at the end.
    """

    start: Any
    lengths: Any
    cache: Any

    def joined(self, new: tuple, window: int | None) -> tuple[tuple, tuple]:
        """Keys and values that the chunk sees, and those that are kept for what comes after.

        Args:
            new: Keys and values of the chunk, `[B, H', t, K]` each.
            window: Of the attention.
        """
        import tensorflow as tf

        length = tf.shape(new[0])[2]
        if window is None:
            stop = self.start + length
            kept = tuple(_written(old, each, self.start, stop) for old, each in zip(self.cache, new, strict=True))
            return tuple(each[:, :, :stop] for each in kept), kept
        room = tf.shape(self.cache[0])[2]
        both = tuple(tf.concat([old, each], axis=2) for old, each in zip(self.cache, new, strict=True))
        ends = room + tf.clip_by_value(self.lengths - self.start, 0, length)
        kept = tuple(most_recent(each, ends, room) for each in both)
        return tuple(each[:, :, room - smaller(room, self.start) :] for each in both), kept

    @staticmethod
    def mask(num_tokens: Any, num_seen: Any, window: int | None) -> Any:
        """bool `[1, 1, num_tokens, num_seen]`: which of what `joined` shows each token of the chunk sees."""
        ends = ops.arange(num_tokens, dtype="int32") + (num_seen - num_tokens)
        distances = ends[:, None] - ops.arange(num_seen, dtype="int32")[None]
        visible = distances >= 0
        if window is not None:
            visible = ops.logical_and(visible, distances < window)
        return visible[None, None]


def _written(cache, new, start, stop):
    """A cache `[B, H, P, K]` with the positions `new`, `[B, H, stop - start, K]`, in their place."""
    import tensorflow as tf

    shape, width = tf.shape(cache), cache.shape[3]
    rows = shape[0] * shape[1]
    written = tf.raw_ops.TensorStridedSliceUpdate(
        # See `zoo.layers.key_value_cache.write_position`.
        input=tf.reshape(cache, [rows, shape[2] * width]),
        begin=[0, start * width],
        end=[0, stop * width],
        strides=[1, 1],
        value=tf.reshape(tf.cast(new, cache.dtype), [rows, (stop - start) * width]),
        begin_mask=1,
        end_mask=1,
    )
    return tf.ensure_shape(tf.reshape(written, shape), cache.shape)
