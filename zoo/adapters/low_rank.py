"""Low-rank adapters: a product of two thin matrices added to a matrix."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.adapters.adapter import Adapter
from zoo.ranges import check_range


@keras.saving.register_keras_serializable(package="zoo")
class LowRank(Adapter):
    """`y = x W + b + alpha / rank * dropout(x) A B`, with A `[K, rank]` and B `[rank, N]`, which begins at 0.

    Args:
        rank: Rank of the product.
        alpha: See above; twice the rank if None.
        dropout: Rate of dropout on what A reads.

    Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685.

    Example:
        >>> layer = Projection(3)
        >>> layer.build((None, 5))
        >>> layer.attach(LowRank(rank=2))
        >>> layer(keras.random.normal((4, 5))).shape
        (4, 3)
    """

    def __init__(self, rank: int = 8, alpha: float | None = None, dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        check_range("rank", rank, least=1)
        check_range("dropout", dropout, least=0, below=1)
        self.rank = rank
        self.alpha = 2 * rank if alpha is None else alpha
        self.dropout_rate = dropout
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout") if dropout else None

    @property
    def scale(self) -> float:
        """What the product is multiplied by."""
        return self.alpha / self.rank

    def add_adapter_weights(self, num_inputs: int, num_outputs: int) -> None:
        """A uniform up to `K ** -0.5`, as in PEFT, and B at 0."""
        uniform = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        self.down = self.add_weight(shape=(num_inputs, self.rank), initializer=uniform, name="down")
        self.up = self.add_weight(shape=(self.rank, num_outputs), initializer="zeros", name="up")
        if self.dropout is not None:
            self.dropout.build((None, num_inputs))

    def adapted(self, inputs: Any, product: Callable[[Any], Any], projection: Any, training: bool | None) -> Any:
        """See `Adapter`."""
        return product(inputs) + self._added(self._dropped(inputs, training))

    def _dropped(self, inputs, training):
        return inputs if self.dropout is None else self.dropout(inputs, training=training)

    def _added(self, inputs):
        return ops.matmul(ops.matmul(inputs, self.down), self.up) * self.scale

    def _difference(self):
        """What is added to the matrix, float32 `[K, N]`."""
        down, up = (np.asarray(ops.convert_to_numpy(each), "float32") for each in (self.down, self.up))
        return self.scale * (down @ up)

    def folded(self, kernel: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Adapter`."""
        return kernel + self._difference(), bias

    def added_flops(self, vectors: Any, num_inputs: int, num_outputs: int) -> int:
        """See `Adapter`."""
        down, up = self.down.trainable, self.up.trainable
        flops = vectors.product_flops(num_inputs, self.rank, down)
        return flops + vectors.learning(down).product_flops(self.rank, num_outputs, up)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "rank": self.rank, "alpha": self.alpha, "dropout": self.dropout_rate}
