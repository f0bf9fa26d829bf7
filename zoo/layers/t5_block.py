"""A block of T5's encoder or decoder."""

import keras

from zoo.layers.activations import activate, check_activation
from zoo.layers.biased_attention import BiasedAttention
from zoo.layers.feed_forward import FeedForward
from zoo.layers.projection import Projection
from zoo.layers.recomputation import Recomputable


@keras.saving.register_keras_serializable(package="zoo")
class T5Block(Recomputable, keras.layers.Layer):
    """Self-attention, in a decoder attention to the encoded source, then a feed-forward network, without biases.

    Each sub-layer reads what is normalised by its root mean square alone, and adds to what comes in.

    Args:
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward network.
        num_heads: H.
        head_dim: K, width of a head.
        decoder: Whether the block attends to a source.
        activation: See `FeedForward`.
        gated: Whether a second projection is multiplied with the activation, as from version 1.1 on.
        dropout: Rate on the output of each sub-layer, inside the feed-forward network and on attention weights.
        norm_epsilon: Added to the mean square.

    Source: Raffel et al. 2020, https://arxiv.org/abs/1910.10683; the gate: Shazeer 2020,
    https://arxiv.org/abs/2002.05202.
    """

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
        # Biases stay float32, which holds the large negative numbers.
        super().__init__(autocast=False, **kwargs)
        check_activation(activation, FeedForward.ACTIVATIONS)
        self._config = dict(
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
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.activation_name = activation
        self.self_attention = self._attention("self_attention")
        self.self_attention_norm = self._norm("self_attention_norm")
        self.cross_attention = self._attention("cross_attention") if decoder else None
        self.cross_attention_norm = self._norm("cross_attention_norm") if decoder else None
        self.expand = self._projection(intermediate_dim, hidden_dim, "expand")
        self.gate = self._projection(intermediate_dim, hidden_dim, "gate") if gated else None
        self.contract = self._projection(hidden_dim, intermediate_dim, "contract")
        self.feed_forward_norm = self._norm("feed_forward_norm")
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def _attention(self, name):
        config = self._config
        sizes = (config["num_heads"], config["head_dim"], config["hidden_dim"], config["dropout"])
        return BiasedAttention(*sizes, dtype=self.dtype_policy, name=name)

    def _norm(self, name):
        return keras.layers.RMSNormalization(epsilon=self._config["norm_epsilon"], dtype=self.dtype_policy, name=name)

    def _projection(self, units, inputs, name):
        return Projection(
            units,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=inputs**-0.5),
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, inputs_shape, bias_shape=None, encoded_shape=None, source_bias_shape=None):
        """Creates the weights for inputs `[B, T, D]` and an encoded source `[B, S, D]`."""
        hidden = (None, None, self.hidden_dim)
        for layer in (
            self.self_attention,
            self.self_attention_norm,
            self.cross_attention,
            self.cross_attention_norm,
            self.expand,
            self.gate,
            self.feed_forward_norm,
        ):
            if layer is not None:
                layer.build(hidden)
        self.contract.build((None, None, self.intermediate_dim))
        self.built = True

    def call(self, inputs, bias, encoded=None, source_bias=None, training=None):
        """Every position at once.

        Args:
            inputs: float `[B, T, D]`.
            bias: float32 that broadcasts to `[B, H, T, T]`, of positions and of what is hidden.
            encoded: float `[B, S, D]`, of a decoder.
            source_bias: float32 that broadcasts to `[B, H, T, S]`, of a decoder.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """
        x = self.self_attention_norm(inputs)
        x = inputs + self.dropout(self.self_attention(x, None, bias, training=training), training=training)
        if self.cross_attention is not None:
            attended = self.cross_attention(self.cross_attention_norm(x), encoded, source_bias, training=training)
            x = x + self.dropout(attended, training=training)
        return self._feed_forward(x, training)

    def step(self, inputs, place, cache, bias, cross_cache, source_bias):
        """One new target position for each of N = B * G hypotheses, G to a source row.

        Args:
            inputs: float `[N, D]`, hypotheses of a row next to each other.
            place: `StepPlace` of the position.
            cache: the block's self-attention keys and values, `[N, H, L, K]` each.
            bias: float32 `[1, H, 1, L]`.
            cross_cache: `cross_attention.keys_and_values(encoded)`, `[B, H, S, K]` each; the G hypotheses of a row
                share them.
            source_bias: float32 `[B, 1, 1, S]`.

        Returns:
            float `[N, D]` and the cache with the position written.
        """
        attended, cache = self.self_attention.step(self.self_attention_norm(inputs), cache, place, bias)
        x = inputs + attended
        x = x + self.cross_attention.attend_cached(self.cross_attention_norm(x), cross_cache, source_bias)
        return self._feed_forward(x, training=False), cache

    def _feed_forward(self, x, training):
        normed = self.feed_forward_norm(x)
        inner = activate(self.expand(normed), self.activation_name)
        inner = inner if self.gate is None else inner * self.gate(normed)
        inner = self.contract(self.dropout(inner, training=training))
        return x + self.dropout(inner, training=training)

    def compute_output_shape(self, inputs_shape, *others):
        """`[B, T, D]`."""
        return inputs_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
