"""What models made of an encoder and output layers share."""

import keras

from zoo.errors import UserError
from zoo.layers import Projection
from zoo.layers.initializers import BERT_STDDEV, projection_initializer
from zoo.models.transformer_model import TransformerModel


class EncoderWithHead(TransformerModel):
    """A model that reads what an `Encoder` reads and holds one, in the same precision.

    Args:
        encoder: The `Encoder`, taken over and not copied.
    """

    def __init__(self, encoder, **kwargs):
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(**kwargs)
        self.encoder = encoder

    @property
    def max_sequence_length(self):
        """Longest sequence, in tokens."""
        return self.encoder.max_sequence_length

    def _dense(self, units, name, partition=None):
        return Projection(
            units,
            kernel_initializer=projection_initializer(BERT_STDDEV),
            partition=partition,
            dtype=self.dtype_policy,
            name=name,
        )

    def _needs_pooler(self, what):
        if self.encoder.pooler is None:
            raise UserError(f"{what} needs an encoder with a pooler; make it with pooler=True")

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "encoder": keras.saving.serialize_keras_object(self.encoder)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of a configuration, whose precision is that of its encoder too."""
        config = dict(config)
        encoder = config.pop("encoder")
        if "dtype" in config:
            encoder = {**encoder, "config": {**encoder["config"], "dtype": config["dtype"]}}
        return cls(keras.saving.deserialize_keras_object(encoder, custom_objects=custom_objects), **config)
