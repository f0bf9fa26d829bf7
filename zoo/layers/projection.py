"""A dense layer whose matrix may be read in panels."""

import keras


@keras.saving.register_keras_serializable(package="zoo")
class Projection(keras.layers.Dense):
    """A `keras.layers.Dense` that can read its matrix in panels.

    Args:
        *args, **kwargs: Those of `keras.layers.Dense`.

    Attributes:
        panels: `Panels` to multiply with in place of the kernel and bias, or None.

    Example:
        >>> layer = Projection(100)
        >>> layer(keras.random.normal((2, 5, 32))).shape
        (2, 5, 100)
    """

    panels = None

    def call(self, inputs, training=None):
        """Maps `[..., K]` to `[..., N]`."""
        if self.panels is None:
            return super().call(inputs, training=training)
        outputs = self.panels.product(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    def quantize(self, mode=None, type_check=True, config=None):
        """As of `keras.layers.Dense`, which refuses every other class."""
        super().quantize(mode, type_check=type_check and type(self) is not Projection, config=config)
