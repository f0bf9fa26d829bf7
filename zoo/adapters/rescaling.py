"""Adapters that multiply activations by learned vectors."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.adapters.adapter import Adapter


@keras.saving.register_keras_serializable(package="zoo")
class Rescaling(Adapter):
    """`y = s * (x W + b)`, or of inputs `y = (s * x) W + b`, with a learned vector s that begins at 1.

    Args:
        of_inputs: Whether inputs are multiplied, as before the second matrix of a feed-forward network; else outputs,
            as of keys and values.

    Source: Liu et al. 2022, https://arxiv.org/abs/2205.05638 ((IA)3).
    """

    def __init__(self, of_inputs: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.of_inputs = of_inputs

    def add_adapter_weights(self, num_inputs: int, num_outputs: int) -> None:
        """s, `[K]` or `[N]`."""
        width = num_inputs if self.of_inputs else num_outputs
        self.factors = self.add_weight(shape=(width,), initializer="ones", name="factors")

    def adapted(self, inputs: Any, product: Callable[[Any], Any], projection: Any, training: bool | None) -> Any:
        """See `Adapter`."""
        return product(inputs * self.factors) if self.of_inputs else product(inputs) * self.factors

    def folded(self, kernel: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Adapter`."""
        factors = np.asarray(ops.convert_to_numpy(self.factors), "float32")
        if self.of_inputs:
            return kernel * factors[:, None], bias
        return kernel * factors, None if bias is None else bias * factors

    def added_flops(self, vectors: Any, num_inputs: int, num_outputs: int) -> int:
        """None: only products of matrices count."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "of_inputs": self.of_inputs}
