"""Attention of long sequences by blocks of queries, so that the logits of all pairs are never there at once."""

import keras

from zoo.layers.row_blocks import MOST_LOGITS

LONG = 1024
"""Positions beyond which a model's sequences are looked at."""


def splits_queries(max_sequence_length: int) -> bool:
    """Whether a model of so many positions attends by blocks outside of training.

    Under TensorFlow, whose attention writes all logits down. The other backends have kernels that do not, or compile
    for each length anew.
    """
    return keras.config.backend() == "tensorflow" and max_sequence_length > LONG


def in_query_blocks(attended, queries, keys, *, causal, window=None, padding_mask=None):
    """Attention to itself of a whole sequence, as many queries at a time as have `MOST_LOGITS` logits.

    Args:
        attended: Function from a slice of queries, a slice of keys and a bool mask `[1, 1, t, s]` or `[B, 1, t, s]` to
            the vectors `[B, t, H, K]` that these queries attend to.
        queries: float `[B, T, H, K]`.
        keys: float `[B, T, H', K]`; only its shape is read.
        causal: Whether position t sees positions up to t only.
        window: How many positions a token sees, itself and those right before it, and after it where attention is not
            causal; all if None.
        padding_mask: bool or int `[B, T]`, True for real tokens; all are if None.

    Returns:
        float `[B, T, H, K]`.
    """
    import tensorflow as tf

    rows, length, heads = tf.unstack(tf.shape(queries))[:3]
    logits = tf.cast(rows * heads, tf.int64) * tf.cast(tf.shape(keys)[1], tf.int64)
    size = tf.cast(tf.clip_by_value(MOST_LOGITS // tf.maximum(logits, 1), 1, tf.int32.max), tf.int32)

    def block(start):
        stop = tf.minimum(start + size, length)
        first, last = tf.constant(0), stop if causal else length
        if window is not None:
            first = tf.maximum(start - window + 1, 0)
            last = last if causal else tf.minimum(stop + window - 1, length)
        distances = tf.range(start, stop)[:, None] - tf.range(first, last)[None, :]
        mask = distances >= 0 if causal else tf.ones_like(distances, tf.bool)
        if window is not None:
            mask = mask & (tf.abs(distances) < window)
        mask = mask[None, None]
        if padding_mask is not None:
            mask = mask & tf.cast(padding_mask, tf.bool)[:, None, None, first:last]
        return attended(slice(start, stop), slice(first, last), mask), stop

    def loop():
        shape = [None, queries.shape[0], *queries.shape[2:]]
        blocks = tf.TensorArray(queries.dtype, 0, dynamic_size=True, infer_shape=False, element_shape=shape)

        def step(start, blocks):
            found, stop = block(start)
            return stop, blocks.write(blocks.size(), tf.transpose(found, [1, 0, 2, 3]))

        _, blocks = tf.while_loop(lambda start, _: start < length, step, (0, blocks), parallel_iterations=1)
        return tf.transpose(blocks.concat(), [1, 0, 2, 3])

    return tf.cond(size >= length, lambda: block(tf.constant(0))[0], loop)
