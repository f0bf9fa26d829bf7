"""What all models of the zoo share: published sizes, and a saved form that keeps how their layers hold weights."""

from typing import ClassVar

import keras

from zoo.adapters.adapted_projections import restore_adapters, saved_adapters
from zoo.errors import UserError
from zoo.layers.partition import Partitioned
from zoo.weights.earlier_paths import ReadsEarlierPaths
from zoo.weights.quantized_weights import QuantizedWeights

_QUANTIZED = "quantized_layers"
_ADAPTED = "adapters"


class TransformerModel(ReadsEarlierPaths, Partitioned, keras.Model):
    """A `keras.Model` that is quantised again, and gets its adapters again, when it is read.

    `.keras` files, presets and `keras.saving.serialize_keras_object` keep which layers are quantised, and which
    adapters (`zoo.adapters`) projections have. Those of Keras (`enable_lora`) are added to the matrices they adapt when
    weights are saved, as everywhere in Keras, but for those of quantised layers, which are kept. Files of earlier
    versions are read as they are.

    Attributes:
        keeps_base: Whether weights that do not learn are those of a checkpoint that training began from, so that
            its own checkpoints leave them out.
    """

    keeps_base: bool = False
    sizes: ClassVar[dict] = {}
    """Arguments of the class by the name of a published size."""

    @classmethod
    def from_size(cls, size, **overrides):
        """A model of a published size.

        Args:
            size: The name of one of `sizes`.
            overrides: Arguments of the class, in place of those of the size or beside them.

        Raises:
            UserError: for an unknown size.
        """
        if size not in cls.sizes:
            raise UserError(f"size must be one of {', '.join(cls.sizes)}, got {size!r}")
        return cls(**{**cls.sizes[size], **overrides})

    def flops(self, inputs):
        """Operations of forward and backward pass over a batch; see `zoo.models.training_flops`."""
        raise NotImplementedError

    def packings(self):
        """Yields each `zoo.weights.Packing`: where matrices that decoding reads may be packed."""
        return iter(())

    def get_build_config(self):
        """What Keras saves of how the model was built: its quantised layers and its adapters, too."""
        config = super().get_build_config()
        changes = {_QUANTIZED: QuantizedWeights().saved(self), _ADAPTED: saved_adapters(self)}
        changes = {key: value for key, value in changes.items() if value}
        return {**(config or {}), **changes} if changes else config

    def build_from_config(self, config):
        """Builds the model of a saved configuration."""
        if config.get(_QUANTIZED):
            QuantizedWeights.restore(self, config[_QUANTIZED])
        else:
            super().build_from_config(config)
        if config.get(_ADAPTED):
            if not self.built:
                self.build(None)
            restore_adapters(self, config[_ADAPTED])
