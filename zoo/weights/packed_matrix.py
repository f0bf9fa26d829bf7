"""Matrices of projections packed into panels of columns, as exports keep those that decoding reads.

A step of decoding multiplies a few rows with every matrix of a decoder, and the time goes into reading the matrices
from memory. Of a matrix `[K, N]` a kernel that works on some columns at a time reads a piece of every row; in panels
these pieces lie together. Query, key and value of the same rows are one product.
"""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

PANEL_WIDTH = 64
"""Columns of a panel; of widths from 16 to 768, tried by hand on a CPU, none was clearly faster."""


class PackedMatrix:
    """A matrix `[K, N]` in panels `[ceil(N / 64), K, 64]`, the last filled up with zeros, and perhaps a bias.

    It holds variables of its own, computed once, so later changes of the matrix do not affect it.

    Args:
        matrix: numpy `[K, N]`.
        bias: numpy `[N]` or None.
        dtype: What to keep and to compute in.

    Attributes:
        variables: The `keras.Variable`s, panels and bias.

    Example:
        >>> packed = PackedMatrix(np.eye(3, 100), None, "float32")
        >>> packed.product(ops.ones((2, 3))).shape
        (2, 100)
    """

    def __init__(self, matrix: Any, bias: Any, dtype: Any):
        depth, self.num_columns = matrix.shape
        # Variables themselves are not used in computing: in layers that do not autocast Keras takes them for float32.
        self._dtype = dtype
        num_panels = -(-self.num_columns // PANEL_WIDTH)
        padded = np.zeros((depth, num_panels * PANEL_WIDTH), matrix.dtype)
        padded[:, : self.num_columns] = matrix
        panels = padded.reshape(depth, num_panels, PANEL_WIDTH).transpose(1, 0, 2)
        self.panels = keras.Variable(panels, dtype=dtype, trainable=False, name="panels")
        self.bias = None if bias is None else keras.Variable(bias, dtype=dtype, trainable=False, name="bias")
        self.variables = [self.panels] if bias is None else [self.panels, self.bias]

    @classmethod
    def of_projections(cls, *projections: Any) -> Self:
        """The joint product of `zoo.layers.Projection`s that read the same rows, their results side by side.

        Raises:
            ValueError: if some have a bias and others have none.
        """
        matrices, biases = zip(*(each.folded() for each in projections), strict=True)
        biases = [bias for bias in biases if bias is not None]
        if len(biases) not in (0, len(projections)):
            raise ValueError(f"{len(biases)} of {len(projections)} projections have a bias: all must, or none")
        matrix = np.concatenate(matrices, axis=1)
        return cls(matrix, np.concatenate(biases) if biases else None, projections[0].compute_dtype)

    def product(self, rows: Any) -> Any:
        """Rows `[..., K]` times the matrix, plus the bias: `[..., N]`."""
        num_panels, depth, width = self.panels.shape
        flat = ops.cast(ops.reshape(rows, (1, -1, depth)), self._dtype)
        products = ops.transpose(ops.matmul(flat, self.panels.value), (1, 0, 2))
        products = ops.reshape(products, (-1, num_panels * width))
        if num_panels * width > self.num_columns:
            products = products[:, : self.num_columns]
        if self.bias is not None:
            products = ops.add(products, self.bias.value)
        if len(rows.shape) == 2:
            return products
        return ops.reshape(products, (*ops.shape(rows)[:-1], self.num_columns))

    def columns(self, indices: Any) -> Any:
        """Columns of the matrix: `[..., K]` for int `[...]` from 0 to N - 1."""
        _, depth, width = self.panels.shape
        dtype = "int32" if np.prod(self.panels.shape) < 2**31 else "int64"
        indices = ops.cast(indices, dtype)[..., None]
        first = indices // width * (depth * width) + indices % width
        places = first + width * ops.arange(depth, dtype=dtype)
        return ops.take(ops.reshape(self.panels, (-1,)), places)
