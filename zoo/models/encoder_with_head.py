"""What models made of an encoder and output layers share."""

import keras

from zoo.errors import UserError
from zoo.layers import Projection
from zoo.layers.activations import activate, check_activation
from zoo.layers.initializers import BERT_STDDEV, projection_initializer
from zoo.layers.partition import columns
from zoo.layers.rms_norm import normalization
from zoo.models.inner_model import with_inner_model
from zoo.models.transformer_model import TransformerModel


class EncoderWithHead(TransformerModel):
    """A model that reads what an `EncoderModel` reads and holds one, in the same precision.

    Args:
        encoder: The `EncoderModel`, taken over and not copied.

    Attributes:
        hidden, hidden_norm: A projection before the last layer of a head and the normalisation of what it gives; None
            without.
    """

    def __init__(self, encoder, **kwargs):
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(**kwargs)
        self.encoder = encoder

    @property
    def max_sequence_length(self):
        """Longest sequence, in tokens."""
        return self.encoder.max_sequence_length

    def _dense(self, units, name, partition=None, use_bias=True):
        return Projection(
            units,
            use_bias=use_bias,
            kernel_initializer=projection_initializer(BERT_STDDEV),
            partition=partition,
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_hidden(self, activation, use_bias, norm):
        """Makes the layers between the encoder and the last layer, none if there is no activation."""
        self.hidden_activation = activation
        # Not attributes of the class: PyTorch would find those before the layers.
        self.hidden = self.hidden_norm = None
        if activation is None:
            if norm:
                raise UserError("hidden_norm needs a hidden_activation")
            return
        check_activation(activation)
        encoder = self.encoder
        self.hidden = self._dense(encoder.hidden_dim, "hidden", columns("hidden_dim"), use_bias)
        if norm:
            self.hidden_norm = normalization(
                "layer", encoder.layer_norm_epsilon, encoder.norm_bias, dtype=self.dtype_policy, name="hidden_norm"
            )

    def _build_hidden(self):
        for layer in (self.hidden, self.hidden_norm):
            if layer is not None:
                layer.build((None, self.encoder.hidden_dim))

    def _through_hidden(self, x):
        """What the last layer reads, of vectors `[..., D]`."""
        if self.hidden is not None:
            x = activate(self.hidden(x), self.hidden_activation)
        return x if self.hidden_norm is None else self.hidden_norm(x)

    def _needs_pooler(self, what):
        if self.encoder.pooler is None:
            raise UserError(f"{what} needs an encoder with a pooler; make it with pooler=True")

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "encoder": keras.saving.serialize_keras_object(self.encoder)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of a configuration, whose precision is that of its encoder too."""
        return cls(**with_inner_model(config, "encoder", custom_objects))
