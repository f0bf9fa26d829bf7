"""Gathering with different indices in every row."""

import keras
from keras import ops


def take_rows(values, indices):
    """The rows `[..., *row]` of values `[N, *row]` at int32 indices, none of them negative.

    In TensorFlow graphs `ops.take` adds four operations for negative ones, and a decoding step has many gathers.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(values, indices)
    return ops.take(values, indices, axis=0)


def row_offsets(num_rows, row_size):
    """int32 [num_rows, 1]: where each row starts when rows of `row_size` entries lie one after another."""
    return ops.expand_dims(ops.arange(num_rows, dtype="int32") * row_size, -1)


def gather_per_row(values, indices):
    """Picks entries of every row by that row's own indices.

    One flat gather; `ops.take_along_axis` costs several times as much under TensorFlow and would have to broadcast
    the indices over trailing axes.

    Args:
        values: [B, M, ...] with M known statically.
        indices: int32 [B, J], within 0..M-1.

    Returns:
        [B, J, ...].
    """
    shape = ops.shape(values)
    flat = ops.reshape(values, (-1, *shape[2:])) if len(shape) == 2 else _merge_leading(values, shape)
    return take_rows(flat, indices + row_offsets(shape[0], shape[1]))


def _merge_leading(values, shape):
    # Not -1: a trailing axis of size 0 (no tokens asked for) would leave it undetermined.
    return ops.reshape(values, (shape[0] * shape[1], *shape[2:]))
