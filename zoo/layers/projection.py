"""Dense layers whose matrices may be read in panels."""

import keras
from keras import ops


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


class JointProjections:
    """Mixin of attention layers with the projections `query`, `key` and `value`: one product for all three.

    Attributes:
        joint_panels: `Panels` of the three side by side, for self-attention, or None.
    """

    joint_panels = None

    def project(self, query, key_value=None):
        """Queries `[..., H * K]` of `[..., D]`, and keys and values of `key_value`, which is the same if None."""
        if key_value is None and self.joint_panels is not None:
            return tuple(ops.split(self.joint_panels.product(query), 3, axis=-1))
        key_value = query if key_value is None else key_value
        return self.query(query), self.key(key_value), self.value(key_value)
