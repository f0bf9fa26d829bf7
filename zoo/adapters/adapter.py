"""What an adapter of a projection is: a small layer beside a matrix, which is trained in place of it."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np


class Adapter(keras.layers.Layer, abc.ABC):
    """A change of what a `zoo.layers.Projection` computes, with few weights of its own.

    K is the width of the projection's input, N that of its output.

    Attributes:
        folds: Whether the change is one of matrix and bias, so that `folded` can make it part of them.
    """

    folds: ClassVar[bool] = True

    def build(self, kernel_shape: Any) -> None:
        """Creates the weights for a matrix `[K, N]`, with which the projection computes what it did before."""
        self.add_adapter_weights(*kernel_shape)
        self.built = True

    @abc.abstractmethod
    def add_adapter_weights(self, num_inputs: int, num_outputs: int) -> None:
        """Creates the weights for a matrix `[K, N]`."""

    def start_from(self, kernel: np.ndarray) -> None:
        """Sets weights that follow from the matrix `[K, N]` that is adapted; most kinds have none."""

    @abc.abstractmethod
    def adapted(self, inputs: Any, product: Callable[[Any], Any], projection: Any, training: bool | None) -> Any:
        """What the projection gives instead.

        Args:
            inputs: float `[..., K]`.
            product: The projection without the adapter, a function from `[..., K]` to `[..., N]`.
            projection: The `Projection`, for its kernel and bias.
            training: Whether dropout is active.

        Returns:
            float `[..., N]`.
        """

    def folded(self, kernel: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Matrix `[K, N]` and bias `[N]`, or None, that give the same as the projection with the adapter."""
        raise NotImplementedError(f"{type(self).__name__} is no change of a matrix")

    @abc.abstractmethod
    def added_flops(self, vectors: Any, num_inputs: int, num_outputs: int) -> int:
        """Operations of forward and backward pass beside those of the projection, over `zoo.layers.flops.Vectors`."""
