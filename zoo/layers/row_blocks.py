"""Functions of single rows, computed for some rows at a time where all at once would take too much memory."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

MOST_LOGITS = 2**26
"""Logits there may be at a time: 256 MiB of float32, and some copies."""


def in_blocks(function: Callable, arrays: tuple, most_rows: int) -> Any:
    """Calls a function on at most so many rows at a time.

    Under TensorFlow, where the number of rows need not be known. The other backends get all rows at once: JAX compiles
    for each number anew, and PyTorch frees what it has read.

    Args:
        function: From tensors `[n, ...]`, as many as `arrays`, to a tensor `[n]`.
        arrays: Tensors `[N, ...]`.
        most_rows: Rows at a time.

    Returns:
        A tensor `[N]`.
    """
    if keras.config.backend() != "tensorflow":
        return function(*arrays)
    import tensorflow as tf

    num_rows = ops.shape(arrays[0])[0]

    def step(start, found):
        stop = tf.minimum(start + most_rows, num_rows)
        return stop, found.write(found.size(), function(*(array[start:stop] for array in arrays)))

    found = tf.TensorArray(tf.float32, 0, dynamic_size=True, infer_shape=False, element_shape=[None])
    _, found = tf.while_loop(lambda start, _: start < num_rows, step, (0, found), parallel_iterations=1)
    return found.concat()
