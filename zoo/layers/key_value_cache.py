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
        visible: bool `[1, 1, 1, S]` or `[N, 1, 1, S]`.
        region: under TensorFlow what `write_position` needs to know, else None.
    """

    position: Any
    visible: Any
    region: Any


class _Region(NamedTuple):
    """Shapes of a cache, of one with two dimensions and of what is written into it; where that begins and ends."""

    cache: Any
    flat: Any
    written: Any
    begin: Any
    end: Any


def _region(keys, position):
    import tensorflow as tf

    shape = tf.shape(keys)
    width = keys.shape[3]
    rows, start = shape[0] * shape[1], position * width
    return _Region(
        shape,
        flat=tf.stack([rows, shape[2] * width]),
        written=tf.stack([rows, width]),
        begin=tf.stack([0, start]),
        end=tf.stack([0, start + width]),
    )


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
    position = index + before
    region = _region(keys, position) if keras.config.backend() == "tensorflow" else None
    return StepPlace(position, visible[:, None, None], region)


def empty_cache(num_rows, num_heads, max_length, head_dim, dtype):
    """A zero cache: keys and values, each `[num_rows, num_heads, max_length, head_dim]`."""
    shape = (num_rows, num_heads, max_length, head_dim)
    return ops.zeros(shape, dtype), ops.zeros(shape, dtype)


def write_position(cache, new, place):
    """Writes the keys or the values `new` of one position, `[N, H * K]`, into a cache.

    Under TensorFlow this is an operation that needs no XLA (and that XLA cannot compile). It does not copy a cache that
    nothing else holds, as in a loop, which operations that scatter always do on CPUs.
    """
    new = ops.cast(new, cache.dtype)
    if keras.config.backend() != "tensorflow":
        num_rows, num_heads, _, head_dim = ops.shape(cache)
        new = ops.reshape(new, (num_rows, num_heads, 1, head_dim))
        return ops.slice_update(cache, (0, 0, place.position, 0), new)
    import tensorflow as tf

    written = tf.raw_ops.TensorStridedSliceUpdate(
        # Of two dimensions, since that takes half the time of four.
        input=tf.reshape(cache, place.region.flat),
        begin=place.region.begin,
        end=place.region.end,
        strides=[1, 1],
        value=tf.reshape(new, place.region.written),
        begin_mask=1,
        end_mask=1,
    )
    return tf.reshape(written, place.region.cache)


def step_softmax(logits):
    """Softmax over the last axis for the few numbers of a step.

    In two operations, since that of TensorFlow is one of oneDNN's on CPUs, which takes 30 microseconds to begin.
    """
    return ops.exp(ops.log_softmax(logits, axis=-1))


def attend_own(queries, keys, values, hide):
    """Attention of each row to keys and values of its own.

    Args:
        queries: float `[N, H, 1, K]`, scaled already.
        keys, values: float `[N, H, S, K]`.
        hide: Function from float32 logits `[N, H, 1, S]` to logits that are low where a position is not to be seen.

    Returns:
        float `[N, H * K]`.
    """
    logits = ops.cast(row_products(queries, keys, transposed=True), "float32")
    weights = ops.cast(step_softmax(hide(logits)), values.dtype)
    return ops.reshape(row_products(weights, values), (-1, queries.shape[1] * queries.shape[3]))


def attend_shared(queries, keys, values, hide):
    """Attention of N = B * G rows to keys and values that G rows next to each other share.

    The G rows attend as G query positions of one row.

    Args:
        queries: float `[N, H, 1, K]`, scaled already.
        keys, values: float `[B, H, S, K]`.
        hide: Function from float32 logits `[B, H, G, S]` to logits that are low where a position is not to be seen.

    Returns:
        float `[N, H * K]`.
    """
    num_heads, head_dim = queries.shape[1], queries.shape[3]
    grouped = ops.reshape(queries, (ops.shape(keys)[0], -1, num_heads, head_dim))
    grouped = ops.transpose(grouped, (0, 2, 1, 3))
    logits = ops.cast(ops.matmul(grouped, ops.transpose(keys, (0, 1, 3, 2))), "float32")
    weights = ops.cast(step_softmax(hide(logits)), values.dtype)
    attended = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
    return ops.reshape(attended, (-1, num_heads * head_dim))
