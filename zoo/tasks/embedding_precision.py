"""Vectors in fewer bits, as sentence-transformers makes them."""

import numpy as np
import tensorflow as tf

PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")
"""Names that sentence-transformers has for what entries of vectors are."""
BITS = ("binary", "ubinary")
"""Those of one bit an entry, eight to a byte."""
LEVELS = ("int8", "uint8")
"""Those of 256 levels between the lowest and the highest value that an entry had in calibration."""


def quantized(vectors, precision, ranges=None):
    """Vectors in another precision.

    An entry beyond the range of calibration gets the last level. In sentence-transformers 5.6 it wrapped
    around there, and int8 was rounded towards 0.

    Args:
        vectors: float32 [B, E].
        precision: One of `PRECISIONS`.
        ranges: The lowest and the highest value of each entry, float [2, E]; for `LEVELS`.

    Returns:
        int8 or uint8 [B, E], or [B, E / 8] for `BITS`; the vectors themselves for "float32".
    """
    if precision == "float32":
        return vectors
    if precision in BITS:
        bits = tf.reshape(tf.cast(vectors > 0, tf.int32), (-1, vectors.shape[1] // 8, 8))
        packed = tf.reduce_sum(bits * tf.constant([128, 64, 32, 16, 8, 4, 2, 1]), axis=-1)
        return tf.cast(packed, tf.uint8) if precision == "ubinary" else tf.cast(packed - 128, tf.int8)
    low, high = np.asarray(ranges, np.float32)
    steps = (high - low) / np.float32(255)
    steps = np.where(steps == 0, np.float32(1), steps)
    levels = tf.clip_by_value(tf.floor((vectors - low) / steps), 0.0, 255.0)
    return tf.cast(levels, tf.uint8) if precision == "uint8" else tf.cast(levels - 128.0, tf.int8)


def stored_width(width, precision):
    """Entries of what `quantized` gives of vectors of a width."""
    return width // 8 if precision in BITS else width
