"""Attention of single positions to a static cache of keys and values, laid out `[N, H, S, K]`.

N rows, H heads, S positions, K the width of a head. Both products are then batched matrix products without a transpose
of the cache. What is the same for all blocks of a model (`StepPlace`) is computed once a step: in small models the time
of a step goes into the number of its operations.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.layers.row_products import row_products


class StepPlace(NamedTuple):
    """Where a step writes into the caches of a model's blocks, and which positions it sees then.

    Attributes:
        position: int32 scalar, the new position in the caches.
        visible: bool `[1, 1, S]` or `[N, 1, S]`.
    """

    position: Any
    visible: Any


def step_place(keys, index, prompt_mask=None):
    """The `StepPlace` of a step.

    Args:
        keys: The keys of any block, `[N, H, S, K]`.
        index: int32 scalar, the position that the step writes and the last that it sees; the same for every row.
        prompt_mask: bool or int `[N, P]`, True for real tokens, where the cache begins with P positions of prompts;
            `index` is counted from their end.
    """
    num_rows, length = ops.shape(keys)[0], ops.shape(keys)[2]
    index = ops.cast(index, "int32")
    before = 0 if prompt_mask is None else ops.shape(prompt_mask)[1]
    visible = (ops.arange(length - before, dtype="int32") <= index)[None]
    if prompt_mask is not None:
        visible = ops.broadcast_to(visible, (num_rows, length - before))
        visible = ops.concatenate([ops.cast(prompt_mask, "bool"), visible], axis=1)
    return StepPlace(index + before, visible[:, None])


def empty_cache(num_rows, num_heads, max_length, head_dim, dtype):
    """A zero cache: keys and values, each `[num_rows, num_heads, max_length, head_dim]`."""
    shape = (num_rows, num_heads, max_length, head_dim)
    return ops.zeros(shape, dtype), ops.zeros(shape, dtype)


def write_position(cache, new, place):
    """Writes the keys or the values `new` of one position, `[N, H * K]`, into a cache.

    Under TensorFlow this is an operation that needs no XLA (and that XLA cannot compile). It does not copy a cache that
    nothing else holds, as in a loop, which operations that scatter always do on CPUs.
    """
    shape = ops.shape(cache)
    rows, length, width = shape[0] * shape[1], shape[2], shape[3]
    new = ops.cast(new, cache.dtype)
    if keras.config.backend() != "tensorflow":
        return ops.slice_update(cache, (0, 0, place.position, 0), ops.reshape(new, (shape[0], shape[1], 1, width)))
    import tensorflow as tf

    start = place.position * width
    written = tf.raw_ops.TensorStridedSliceUpdate(
        # Of two dimensions, since that takes half the time of four.
        input=tf.reshape(cache, [rows, length * width]),
        begin=[0, start],
        end=[0, start + width],
        strides=[1, 1],
        value=tf.reshape(new, [rows, width]),
        begin_mask=1,
        end_mask=1,
    )
    return tf.reshape(written, shape)


def attend_own(queries, keys, values, hide):
    """Attention of each row to keys and values of its own.

    Args:
        queries: float `[N, H, K]`, scaled already.
        keys, values: float `[N, H, S, K]`.
        hide: Function from float32 logits `[N, H, S]` to logits that are low where a position is not to be seen.

    Returns:
        float `[N, H * K]`.
    """
    logits = ops.cast(row_products(queries, keys, transposed=True), "float32")
    weights = ops.cast(ops.softmax(hide(logits), axis=-1), values.dtype)
    return ops.reshape(row_products(weights, values), (-1, queries.shape[1] * queries.shape[2]))


def attend_shared(queries, keys, values, hide):
    """Attention of N = B * G rows to keys and values that G rows next to each other share.

    The G rows attend as G query positions of one row.

    Args:
        queries: float `[N, H, K]`, scaled already.
        keys, values: float `[B, H, S, K]`.
        hide: Function from float32 logits `[B, H, G, S]` to logits that are low where a position is not to be seen.

    Returns:
        float `[N, H * K]`.
    """
    num_heads, head_dim = queries.shape[1:]
    grouped = ops.reshape(queries, (ops.shape(keys)[0], -1, num_heads, head_dim))
    grouped = ops.transpose(grouped, (0, 2, 1, 3))
    logits = ops.cast(ops.matmul(grouped, ops.transpose(keys, (0, 1, 3, 2))), "float32")
    weights = ops.cast(ops.softmax(hide(logits), axis=-1), values.dtype)
    attended = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
    return ops.reshape(attended, (-1, num_heads * head_dim))
