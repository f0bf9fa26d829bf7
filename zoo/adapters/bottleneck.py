"""Adapters after a projection: a small feed-forward network with a way around it."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from zoo.adapters.adapter import Adapter
from zoo.ranges import check_range


@keras.saving.register_keras_serializable(package="zoo")
class Bottleneck(Adapter):
    """`z = y + gelu(y A + a) B + b` of a projection's output y, with A `[N, width]` and B `[width, N]`.

    B, which begins at 0, leaves the output as it was. An adapter of this kind belongs after the last projection of
    attention and of a feed-forward network, before dropout and what goes around them. It is no change of a matrix, so
    it stays beside the projection.

    Args:
        width: Of the vectors between A and B.

    Source: Houlsby et al. 2019, https://arxiv.org/abs/1902.00751.
    """

    folds: ClassVar[bool] = False

    def __init__(self, width: int = 64, **kwargs: Any):
        super().__init__(**kwargs)
        check_range("width", width, least=1)
        self.width = width

    def add_adapter_weights(self, num_inputs: int, num_outputs: int) -> None:
        """Both matrices and their biases; A Glorot's, all others at 0."""
        self.down = self.add_weight(shape=(num_outputs, self.width), initializer="glorot_uniform", name="down")
        self.down_bias = self.add_weight(shape=(self.width,), initializer="zeros", name="down_bias")
        self.up = self.add_weight(shape=(self.width, num_outputs), initializer="zeros", name="up")
        self.up_bias = self.add_weight(shape=(num_outputs,), initializer="zeros", name="up_bias")

    def adapted(self, inputs: Any, product: Callable[[Any], Any], projection: Any, training: bool | None) -> Any:
        """See `Adapter`."""
        outputs = product(inputs)
        hidden = ops.gelu(ops.matmul(outputs, self.down) + self.down_bias, approximate=False)
        return outputs + ops.matmul(hidden, self.up) + self.up_bias

    def added_flops(self, vectors: Any, num_inputs: int, num_outputs: int) -> int:
        """See `Adapter`."""
        down, up = self.down.trainable, self.up.trainable
        flops = vectors.learning(True).product_flops(num_outputs, self.width, down)
        return flops + vectors.learning(True).product_flops(self.width, num_outputs, up)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "width": self.width}
