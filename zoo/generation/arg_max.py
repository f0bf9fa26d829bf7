"""The position of the largest entry."""

import keras
from keras import ops


def arg_max(values, axis=-1):
    """The positions of the largest entries along an axis, the first among equals: int32, without that axis.

    Under TensorFlow `ops.argmax` first looks for negative zeros, in four passes over the values.

    Args:
        values: float or int tensor.
        axis: Python int.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.argmax(values, axis, output_type=tf.int32)
    return ops.cast(ops.argmax(values, axis=axis), "int32")
