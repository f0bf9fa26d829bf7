"""Encoder, decoder and language-model blocks, post-norm or pre-norm."""

import keras

from zoo.errors import UserError
from zoo.layers.feed_forward import FeedForward
from zoo.layers.initializers import projection_initializer
from zoo.layers.multi_head_attention import MultiHeadAttention
from zoo.layers.recomputation import Recomputable

NORMS = ("post", "pre")


class TransformerBlock(Recomputable, keras.layers.Layer):
    """What encoder and decoder blocks share: configuration, sub-layers and the residual branch around each.

    Args:
        hidden_dim: D.
        num_heads: H.
        intermediate_dim: Width of the feed-forward network.
        dropout: Rate on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        activation: See `FeedForward`.
        activation_dropout: Rate inside the feed-forward network.
        norm: "post" (normalise after adding, as published) or "pre" (before each sub-layer).
        layer_norm_epsilon: Added to the variance.
        initializer_stddev: Standard deviation of the initial projections; Glorot's if None.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020, https://arxiv.org/abs/2002.04745.
    """

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
        super().__init__(**kwargs)
        if norm not in NORMS:
            raise UserError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}")
        self._config = dict(
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
        )
        self.hidden_dim = hidden_dim
        self.norm = norm
        self.self_attention = self._attention("self_attention")
        self.self_attention_norm = self._layer_norm("self_attention_norm")
        self.feed_forward = FeedForward(
            hidden_dim,
            intermediate_dim,
            activation,
            activation_dropout,
            initializer_stddev,
            dtype=self.dtype_policy,
            name="feed_forward",
        )
        self.feed_forward_norm = self._layer_norm("feed_forward_norm")
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def _attention(self, name):
        config = self._config
        return MultiHeadAttention(
            config["num_heads"],
            config["hidden_dim"],
            config["attention_dropout"],
            config["initializer_stddev"],
            dtype=self.dtype_policy,
            name=name,
        )

    def _layer_norm(self, name):
        return keras.layers.LayerNormalization(
            epsilon=self._config["layer_norm_epsilon"], dtype=self.dtype_policy, name=name
        )

    def _residual(self, x, sublayer, norm, training=None):
        """`norm(x + dropout(sublayer(x)))`, or `x + dropout(sublayer(norm(x)))` for pre-norm blocks."""
        if self.norm == "pre":
            return x + self.dropout(sublayer(norm(x)), training=training)
        return norm(x + self.dropout(sublayer(x), training=training))

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}


@keras.saving.register_keras_serializable(package="zoo")
class TransformerEncoderBlock(TransformerBlock):
    """Self-attention over the whole sequence, then a feed-forward network.

    The arguments are those of `TransformerBlock`.
    """

    def build(self, input_shape):
        """Creates the weights for inputs `[B, S, D]`."""
        for layer in (self.self_attention, self.self_attention_norm, self.feed_forward, self.feed_forward_norm):
            layer.build(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        """`[B, S, D]`."""
        return input_shape

    def call(self, inputs, padding_mask=None, training=None):
        """Maps float `[B, S, D]` to `[B, S, D]`; `padding_mask` is bool or int `[B, S]`, True for real tokens."""
        x = self._residual(
            inputs,
            lambda x: self.self_attention(x, padding_mask=padding_mask, training=training),
            self.self_attention_norm,
            training,
        )
        return self._residual(x, lambda x: self.feed_forward(x, training=training), self.feed_forward_norm, training)


@keras.saving.register_keras_serializable(package="zoo")
class TransformerDecoderBlock(TransformerBlock):
    """Causal self-attention, attention to an encoded source, then a feed-forward network.

    The arguments are those of `TransformerBlock`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cross_attention = self._attention("cross_attention")
        self.cross_attention_norm = self._layer_norm("cross_attention_norm")

    def build(self, inputs_shape, encoded_shape=None):
        """Creates the weights for inputs `[B, T, D]` and an encoded source `[B, S, D]`."""
        self.cross_attention.build(inputs_shape, encoded_shape or inputs_shape)
        for layer in (
            self.self_attention,
            self.self_attention_norm,
            self.cross_attention_norm,
            self.feed_forward,
            self.feed_forward_norm,
        ):
            layer.build(inputs_shape)
        self.built = True

    def compute_output_shape(self, inputs_shape, encoded_shape=None):
        """`[B, T, D]`."""
        return inputs_shape

    def call(self, inputs, encoded, source_padding_mask=None, training=None):
        """Every target position at once.

        Args:
            inputs: float `[B, T, D]`; padding belongs at the end, where no real position sees it.
            encoded: float `[B, S, D]`.
            source_padding_mask: bool or int `[B, S]`, True for real tokens.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """
        x = self._residual(
            inputs,
            lambda x: self.self_attention(x, causal=True, training=training),
            self.self_attention_norm,
            training,
        )
        x = self._residual(
            x,
            lambda x: self.cross_attention(x, encoded, padding_mask=source_padding_mask, training=training),
            self.cross_attention_norm,
            training,
        )
        return self._residual(x, lambda x: self.feed_forward(x, training=training), self.feed_forward_norm, training)

    def step(self, inputs, place, cache, cross_cache, source_padding_mask):
        """One new target position for each of N = B * K hypotheses, K to a source row.

        Args:
            inputs: float `[N, D]`, hypotheses of a row next to each other.
            place: `StepPlace` of the position.
            cache: the block's self-attention keys and values, `[N, H, L, D / H]` each.
            cross_cache: `cross_attention.keys_and_values(encoded)`, `[B, H, S, D / H]` each; the K hypotheses of a row
                share them.
            source_padding_mask: bool or int `[B, S]`.

        Returns:
            float `[N, D]` and the cache with the position written.
        """
        new_cache = cache

        def attend_to_self(x):
            nonlocal new_cache
            attended, new_cache = self.self_attention.step(x, cache, place)
            return attended

        x = self._residual(inputs, attend_to_self, self.self_attention_norm)
        x = self._residual(
            x,
            lambda x: self.cross_attention.attend_cached(x, cross_cache, source_padding_mask),
            self.cross_attention_norm,
        )
        return self._residual(x, self.feed_forward, self.feed_forward_norm), new_cache


@keras.saving.register_keras_serializable(package="zoo")
class TransformerCausalBlock(TransformerBlock):
    """Causal self-attention, then a feed-forward network: a block of a language model that reads from left to right.

    Args:
        residual_initializer_stddev: Standard deviation of the two initial projections whose outputs are added to the
            residual path; as of the others if None.
        *args, **kwargs: Those of `TransformerBlock`.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3.
    """

    def __init__(self, *args, residual_initializer_stddev=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._config["residual_initializer_stddev"] = residual_initializer_stddev
        if residual_initializer_stddev is not None:
            for layer in (self.self_attention.output_projection, self.feed_forward.contract):
                layer.kernel_initializer = projection_initializer(residual_initializer_stddev)

    def build(self, input_shape):
        """Creates the weights for inputs `[B, T, D]`."""
        for layer in (self.self_attention, self.self_attention_norm, self.feed_forward, self.feed_forward_norm):
            layer.build(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        """`[B, T, D]`."""
        return input_shape

    def call(self, inputs, attention_mask=None, training=None):
        """Every position at once.

        Args:
            inputs: float `[B, T, D]`; padding belongs at the end, where no real position sees it.
            attention_mask: bool or int `[B, T, T]`, True where a position may see another; no later one is seen
                whatever it says.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """
        x = self._residual(
            inputs,
            lambda x: self.self_attention(x, causal=True, attention_mask=attention_mask, training=training),
            self.self_attention_norm,
            training,
        )
        return self._residual(x, lambda x: self.feed_forward(x, training=training), self.feed_forward_norm, training)

    def prefill(self, inputs):
        """As `call` without dropout, from float `[B, T, D]` to `[B, T, D]` and keys and values, `[B, H, T, D / H]`."""
        return self._with_state(inputs, self.self_attention.prefill)

    def step(self, inputs, place, cache, prompt=None, prompt_mask=None):
        """One new position for each of N = B * K hypotheses, K to a prompt.

        Args:
            inputs: float `[N, D]`, hypotheses of a row next to each other.
            place: `StepPlace` of the position.
            cache: the block's keys and values, `[N, H, L, D / H]` each.
            prompt, prompt_mask: See `MultiHeadAttention.step_after_prompt`; None where the cache holds the prompts.

        Returns:
            float `[N, D]` and the cache with the position written.
        """
        if prompt is None:
            return self._with_state(inputs, lambda x: self.self_attention.step(x, cache, place))
        attend = self.self_attention.step_after_prompt
        return self._with_state(inputs, lambda x: attend(x, cache, place, prompt, prompt_mask))

    def _with_state(self, inputs, attend):
        """The block with an attention that also returns keys and values."""
        state = None

        def attention(x):
            nonlocal state
            attended, state = attend(x)
            return attended

        x = self._residual(inputs, attention, self.self_attention_norm)
        return self._residual(x, self.feed_forward, self.feed_forward_norm), state
