"""Batches whose shapes differ, as input of Keras under TensorFlow."""

import keras


def dataset_of_any_shape(batches, example):
    """Makes a `tf.data.Dataset` all of whose dimensions are open, so that one trace serves all batches.

    Keras's own adapter for generators takes the shapes from the first two batches and fails at the first batch that
    differs in what those two had in common.

    Args:
        batches: Callable that returns an iterator over nests of arrays.
        example: One such nest; gives structure, ranks and dtypes.

    Returns:
        `tf.data.Dataset` that reads two batches ahead.
    """
    import tensorflow as tf

    def open_spec(array):
        return tf.TensorSpec([None] * array.ndim, tf.as_dtype(array.dtype))

    signature = keras.tree.map_structure(open_spec, example)
    options = tf.data.Options()
    # There is nothing to tune, and the tuner's thread at times misses the end of its dataset: whoever lets go of the
    # iterator then waits for it, up to a minute at the end of an interval.
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2).with_options(options)
