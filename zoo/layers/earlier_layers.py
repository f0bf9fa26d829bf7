"""Layers by the names and arguments that they had in earlier versions, for models saved with those.

Saved configurations name classes, and weights in lists of layers are found by the names of their classes. New models
use `Attention` and `TransformerBlock`.
"""

from types import MappingProxyType

import keras

from zoo.layers.attention import Attention
from zoo.layers.initializers import FAN_IN
from zoo.layers.transformer_block import TransformerBlock


class _EarlierConfig:
    """Mixin that keeps the configuration as it was."""

    _earlier_config = ()

    def get_config(self):
        """The constructor's arguments."""
        return {**keras.layers.Layer.get_config(self), **dict(self._earlier_config)}


@keras.saving.register_keras_serializable(package="zoo")
class MultiHeadAttention(_EarlierConfig, Attention):
    """`Attention` with biases, and with as many heads of keys and values as of queries."""

    def __init__(self, num_heads, hidden_dim, attention_dropout=0.0, initializer_stddev=None, **kwargs):
        super().__init__(
            hidden_dim, num_heads, dropout=attention_dropout, initializer_stddev=initializer_stddev, **kwargs
        )
        self._earlier_config = dict(
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            attention_dropout=attention_dropout,
            initializer_stddev=initializer_stddev,
        )


@keras.saving.register_keras_serializable(package="zoo")
class BiasedAttention(_EarlierConfig, Attention):
    """`Attention` of T5."""

    def __init__(self, num_heads, head_dim, hidden_dim, dropout=0.0, **kwargs):
        super().__init__(hidden_dim, num_heads, **_t5_attention(head_dim, dropout), **kwargs)
        self._earlier_config = dict(num_heads=num_heads, head_dim=head_dim, hidden_dim=hidden_dim, dropout=dropout)

    def build(self, query_shape, key_value_shape=None, bias_shape=None):
        """As of `Attention`."""
        super().build(query_shape, key_value_shape)

    def call(self, query, key_value, bias, training=None):
        """As of `Attention`."""
        return super().call(query, key_value, bias=bias, training=training)


class _EarlierBlock(_EarlierConfig, TransformerBlock):
    """A block with layer normalisation, by the arguments that it had; `norm` was what `order` is now."""

    _kind = MappingProxyType({})

    def __init__(
        self,
        hidden_dim,
        num_heads,
        intermediate_dim,
        dropout=0.0,
        attention_dropout=0.0,
        activation="relu",
        activation_dropout=0.0,
        norm="post",
        layer_norm_epsilon=1e-5,
        initializer_stddev=None,
        **kwargs,
    ):
        residual = {name: kwargs.pop(name) for name in ("residual_initializer_stddev",) if name in kwargs}
        super().__init__(
            hidden_dim,
            dict(num_heads=num_heads, dropout=attention_dropout, initializer_stddev=initializer_stddev),
            dict(
                intermediate_dim=intermediate_dim,
                activation=activation,
                dropout=activation_dropout,
                initializer_stddev=initializer_stddev,
            ),
            dropout=dropout,
            order=norm,
            norm_epsilon=layer_norm_epsilon,
            **residual,
            **self._kind,
            **kwargs,
        )
        self._earlier_config = dict(
            hidden_dim=hidden_dim,
            num_heads=num_heads,
            intermediate_dim=intermediate_dim,
            dropout=dropout,
            attention_dropout=attention_dropout,
            activation=activation,
            activation_dropout=activation_dropout,
            norm=norm,
            layer_norm_epsilon=layer_norm_epsilon,
            initializer_stddev=initializer_stddev,
            **residual,
        )


@keras.saving.register_keras_serializable(package="zoo")
class TransformerEncoderBlock(_EarlierBlock):
    """A `TransformerBlock` that sees the whole sequence."""

    def build(self, inputs_shape):
        """As of `TransformerBlock`."""
        super().build(inputs_shape)

    def compute_output_shape(self, inputs_shape):
        """As of `TransformerBlock`."""
        return inputs_shape

    def call(self, inputs, padding_mask=None, training=None):
        """As of `TransformerBlock`."""
        return super().call(inputs, padding_mask=padding_mask, training=training)


@keras.saving.register_keras_serializable(package="zoo")
class TransformerDecoderBlock(_EarlierBlock):
    """A causal `TransformerBlock` that attends to a source."""

    _kind = MappingProxyType(dict(causal=True, cross_attention=True))

    def call(self, inputs, encoded, source_padding_mask=None, training=None):
        """As of `TransformerBlock`."""
        return super().call(inputs, encoded, encoded_padding_mask=source_padding_mask, training=training)


@keras.saving.register_keras_serializable(package="zoo")
class TransformerCausalBlock(_EarlierBlock):
    """A causal `TransformerBlock`."""

    _kind = MappingProxyType(dict(causal=True))

    def build(self, inputs_shape):
        """As of `TransformerBlock`."""
        super().build(inputs_shape)

    def compute_output_shape(self, inputs_shape):
        """As of `TransformerBlock`."""
        return inputs_shape

    def call(self, inputs, attention_mask=None, training=None):
        """As of `TransformerBlock`."""
        return super().call(inputs, attention_mask=attention_mask, training=training)


@keras.saving.register_keras_serializable(package="zoo")
class T5Block(_EarlierConfig, TransformerBlock):
    """`TransformerBlock` of T5, where the bias hides later positions."""

    def __init__(
        self,
        hidden_dim,
        intermediate_dim,
        num_heads,
        head_dim,
        decoder=False,
        activation="relu",
        gated=False,
        dropout=0.0,
        norm_epsilon=1e-6,
        **kwargs,
    ):
        super().__init__(
            hidden_dim,
            dict(num_heads=num_heads, **_t5_attention(head_dim, dropout)),
            dict(
                intermediate_dim=intermediate_dim,
                activation=activation,
                dropout=dropout,
                gated=gated,
                use_bias=False,
                initializer_stddev=FAN_IN,
            ),
            cross_attention=decoder,
            dropout=dropout,
            norm="rms",
            order="pre",
            norm_epsilon=norm_epsilon,
            **kwargs,
        )
        self._earlier_config = dict(
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            head_dim=head_dim,
            decoder=decoder,
            activation=activation,
            gated=gated,
            dropout=dropout,
            norm_epsilon=norm_epsilon,
        )

    def build(self, inputs_shape, bias_shape=None, encoded_shape=None, source_bias_shape=None):
        """As of `TransformerBlock`."""
        super().build(inputs_shape, encoded_shape)

    def call(self, inputs, bias, encoded=None, source_bias=None, training=None):
        """As of `TransformerBlock`."""
        return super().call(inputs, encoded, bias=bias, encoded_bias=source_bias, training=training)


def _t5_attention(head_dim, dropout):
    return dict(head_dim=head_dim, use_bias=False, scale=1.0, dropout=dropout, initializer_stddev=FAN_IN)
