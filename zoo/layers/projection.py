"""A dense layer whose matrix may be read in panels, and quantised with an adapter beside it."""

import keras

_ADAPTER = ("lora_kernel_a", "lora_kernel_b")


@keras.saving.register_keras_serializable(package="zoo")
class Projection(keras.layers.Dense):
    """A `keras.layers.Dense` that can read its matrix in panels, and saves an adapter beside quantised weights.

    Where weights are in floating point, saving adds a low-rank adapter to them, as Keras does. Quantised weights would
    be rounded again by that and give other outputs, so they are saved as they are, with the adapter.

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

    @property
    def keeps_adapter(self):
        """Whether a low-rank adapter is saved by itself."""
        return self.lora_enabled and self.quantization_mode is not None

    def save_own_variables(self, store):
        """As of `keras.layers.Dense`, but for adapters of quantised weights."""
        if not self.keeps_adapter:
            super().save_own_variables(store)
            return
        self.lora_enabled = False
        try:
            super().save_own_variables(store)
        finally:
            self.lora_enabled = True
        for name in _ADAPTER:
            store[name] = getattr(self, name)

    def load_own_variables(self, store):
        """Reads what `save_own_variables` has written, from a layer with the same adapter if it kept one."""
        super().load_own_variables(store)
        if _ADAPTER[0] in store:
            for name in _ADAPTER:
                getattr(self, name).assign(store[name])
