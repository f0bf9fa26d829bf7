"""Rows of a large batch that go through a model in parts, so that memory stays bounded."""

import keras
import tensorflow as tf


def in_parts(part, rows, at_a_time, dtypes):
    """Concatenates the results of a function over parts of a batch, under TensorFlow in a loop of the graph.

    Args:
        part: From the first row of a part, int32 scalar or int, to a tuple of tensors whose first dimension is the
            part's rows.
        rows: int32 scalar, B. No rows make one part too.
        at_a_time: int32 scalar, rows of a part.
        dtypes: Of the results of `part`.

    Returns:
        A tuple of tensors with first dimension B.
    """
    if keras.config.backend() != "tensorflow":
        parts = [part(start) for start in range(0, max(int(rows), 1), int(at_a_time))]
        return tuple(tf.concat(results, axis=0) for results in zip(*parts, strict=True))
    count = tf.maximum(-(-rows // at_a_time), 1)
    arrays = [tf.TensorArray(dtype, size=count, infer_shape=False) for dtype in dtypes]

    shapes: list = [None] * len(dtypes)

    def body(index, arrays):
        results = part(index * at_a_time)
        shapes[:] = [[None, *result.shape[1:]] for result in results]
        return index + 1, [array.write(index, result) for array, result in zip(arrays, results, strict=True)]

    _, arrays = tf.while_loop(lambda index, _: index < count, body, (tf.constant(0), arrays), parallel_iterations=1)
    # The arrays know nothing of the shapes, which exports need to know.
    return tuple(tf.ensure_shape(array.concat(), shape) for array, shape in zip(arrays, shapes, strict=True))
