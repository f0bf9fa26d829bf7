"""Splits a batch by rows into parts of equal shape."""

import keras
import numpy as np


def pad_rows(batch, multiple):
    """Adds copies of the first row, without weight, until the number of rows is a multiple.

    Args:
        batch: `(x, labels, weights)`, nests of numpy arrays of B rows.
        multiple: int >= 1.

    Returns:
        The same nests with the next multiple of rows; `batch` itself if it has one.
    """
    rows = len(keras.tree.flatten(batch)[0])
    missing = -rows % multiple
    if not missing:
        return batch
    x, labels, weights = batch

    def copies(array):
        return np.concatenate([array, np.repeat(array[:1], missing, axis=0)])

    def zeros(array):
        return np.concatenate([array, np.zeros_like(array[:1], shape=(missing, *array.shape[1:]))])

    return (
        keras.tree.map_structure(copies, x),
        keras.tree.map_structure(copies, labels),
        keras.tree.map_structure(zeros, weights),
    )


def every_nth_row(batch, start, step):
    """Rows `start`, `start + step`, ... of all arrays of a nest; neighbours, often of like length, go to all parts."""
    return batch if step == 1 else keras.tree.map_structure(lambda array: array[start::step], batch)
