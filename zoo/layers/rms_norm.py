"""Normalisation by the root mean square, and the choice between it and layer normalisation."""

from typing import Any

import keras
from keras import ops

from zoo.errors import UserError

NORMS = ("layer", "rms")


@keras.saving.register_keras_serializable(package="zoo")
class RMSNorm(keras.layers.Layer):
    """Divides vectors by their root mean square, then multiplies by a weight; computed in float32.

    Args:
        epsilon: Added to the mean square.
        unit_offset: Whether vectors are multiplied by 1 plus the weight, as in Gemma.

    Source: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Example:
        >>> RMSNorm()(keras.random.normal((2, 5, 32))).shape
        (2, 5, 32)
    """

    def __init__(self, epsilon: float = 1e-6, unit_offset: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.unit_offset = unit_offset

    def build(self, input_shape: Any) -> None:
        """Creates the weight `[D]`."""
        initializer = "zeros" if self.unit_offset else "ones"
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer=initializer)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Maps `[..., D]` to `[..., D]`."""
        scale = ops.convert_to_tensor(self.scale)
        if self.unit_offset:
            scale = ops.cast(scale, "float32") + 1.0
        return ops.rms_normalization(inputs, scale=scale, axis=-1, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """`[..., D]`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "epsilon": self.epsilon, "unit_offset": self.unit_offset}


def normalization(kind, epsilon, use_bias=True, unit_offset=False, **kwargs):
    """A layer that normalises vectors.

    Args:
        kind: "layer" or "rms".
        epsilon: Added to the variance or the mean square.
        use_bias: Whether layer normalisation adds a bias.
        unit_offset: See `RMSNorm`.
        **kwargs: Those of every layer.

    Raises:
        UserError: for another kind.
    """
    if kind not in NORMS:
        raise UserError(f"norm must be one of {', '.join(NORMS)}, got {kind!r}")
    if kind == "rms":
        return RMSNorm(epsilon, unit_offset, **kwargs)
    return keras.layers.LayerNormalization(epsilon=epsilon, center=use_bias, **kwargs)
