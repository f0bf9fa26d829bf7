"""Low-rank adapters of a matrix whose columns have lengths of their own."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.adapters.low_rank import LowRank


@keras.saving.register_keras_serializable(package="zoo")
class WeightDecomposed(LowRank):
    """A low-rank adapter, after which each column of the matrix gets a length m that is learned by itself.

    With `V = W + alpha / rank * A B` it is `y = x V m / |V| + b`, where `|V|` are the lengths of the columns, through
    which no gradient goes. m begins as the lengths of W's columns. Dropout counts for everything beyond `x W + b`.

    Args:
        rank, alpha, dropout: See `LowRank`.

    Source: Liu et al. 2024, https://arxiv.org/abs/2402.09353.
    """

    def add_adapter_weights(self, num_inputs: int, num_outputs: int) -> None:
        """Those of `LowRank`, and m `[N]`."""
        super().add_adapter_weights(num_inputs, num_outputs)
        self.magnitude = self.add_weight(shape=(num_outputs,), initializer="ones", name="magnitude")

    def start_from(self, kernel: np.ndarray) -> None:
        """Sets m to the lengths of the columns."""
        self.magnitude.assign(np.linalg.norm(np.asarray(kernel, "float32"), axis=0))

    def adapted(self, inputs: Any, product: Callable[[Any], Any], projection: Any, training: bool | None) -> Any:
        """See `Adapter`."""
        kernel = ops.cast(projection.kernel, "float32")
        changed = kernel + self.scale * ops.matmul(ops.cast(self.down, "float32"), ops.cast(self.up, "float32"))
        lengths = ops.stop_gradient(ops.sqrt(ops.sum(ops.square(changed), axis=0)))
        factor = ops.cast(ops.cast(self.magnitude, "float32") / lengths, self.compute_dtype)
        dropped = self._dropped(inputs, training)
        base = product(inputs)
        of_dropped = base if self.dropout is None or not training else product(dropped)
        if projection.bias is not None:
            of_dropped = of_dropped - projection.bias
        return base + (factor - 1) * of_dropped + factor * self._added(dropped)

    def folded(self, kernel: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Adapter`."""
        changed = kernel + self._difference()
        magnitude = np.asarray(ops.convert_to_numpy(self.magnitude), "float32")
        return changed * (magnitude / np.linalg.norm(changed, axis=0)), bias
