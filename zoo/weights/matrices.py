"""The matrices that a dense layer multiplies with, whatever form they are stored in."""

from typing import NamedTuple


class Matrix(NamedTuple):
    """A matrix of weights `[K, N]` by its number of rows and columns.

    Attributes:
        rows, columns: K and N.
        trainable: Whether an update changes it.
    """

    rows: int
    columns: int
    trainable: bool


def matrices_of(layer):
    """The products that a dense layer stands for.

    Args:
        layer: A built `keras.layers.Dense`; its matrix may be quantised, and may have a low-rank adapter beside it.

    Returns:
        Tuple of the layer's own `Matrix` and, with an adapter of rank R, those of `[K, R]` and `[R, N]`.
    """
    rows = layer.input_spec.axes[-1]
    # A matrix of integers is no trainable variable.
    own = Matrix(rows, layer.units, any(variable.name == "kernel" for variable in layer.trainable_variables))
    if not layer.lora_enabled:
        return (own,)
    rank = layer.lora_kernel_a.shape[-1]
    down, up = layer.lora_kernel_a.trainable, layer.lora_kernel_b.trainable
    return own, Matrix(rows, rank, bool(down)), Matrix(rank, layer.units, bool(up))
