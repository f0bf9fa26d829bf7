"""The block of every Transformer: encoder, decoder and language model."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers.attention import Attention
from zoo.layers.feed_forward import FeedForward
from zoo.layers.flops import Vectors
from zoo.layers.initializers import projection_initializer
from zoo.layers.projection import Projection
from zoo.layers.recomputation import Recomputable
from zoo.layers.rms_norm import normalization
from zoo.weights.earlier_paths import ReadsEarlierPaths

ORDERS = ("post", "pre", "both")


@keras.saving.register_keras_serializable(package="zoo")
class TransformerBlock(ReadsEarlierPaths, Recomputable, keras.layers.Layer):
    """Attention to itself, in a decoder with a source attention to that, then a feed-forward network.

    Args:
        hidden_dim: D.
        attention: dict of arguments of `Attention` but for D, of both attentions; positions and windows are of the
            first alone.
        feed_forward: dict of arguments of `FeedForward` but for D.
        causal: Whether a position sees only itself and those before it.
        cross_attention: Whether the block attends to a source.
        dropout: Rate on the output of each sub-layer.
        norm: "layer" or "rms".
        order: Where each sub-layer is normalised: "post" (after adding, as published), "pre" (what it reads) or "both"
            (what it reads, and what it gives before that is added, as in Gemma 2).
        norm_epsilon: Added to the variance or the mean square.
        norm_bias: Whether layer normalisation adds a bias.
        norm_unit_offset: See `RMSNorm`.
        first_norm: False for a block whose attention reads what comes in as it is, as the first of ModernBERT.
        residual_initializer_stddev: Standard deviation of the two initial projections whose outputs are added to the
            residual path; as of the others if None.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745; initial weights of the residual path: Radford et al. 2019, "Language Models are
    Unsupervised Multitask Learners", section 2.3.

    Example:
        >>> block = TransformerBlock(32, dict(num_heads=4), dict(intermediate_dim=64), causal=True, order="pre")
        >>> block(keras.random.normal((2, 5, 32))).shape
        (2, 5, 32)
    """

    def __init__(
        self,
        hidden_dim: int,
        attention: Any,
        feed_forward: Any,
        causal: bool = False,
        cross_attention: bool = False,
        dropout: float = 0.0,
        norm: str = "layer",
        order: str = "post",
        norm_epsilon: float = 1e-5,
        norm_bias: bool = True,
        norm_unit_offset: bool = False,
        first_norm: bool = True,
        residual_initializer_stddev: float | None = None,
        **kwargs: Any,
    ):
        # Biases of logits stay float32, which holds the large negative numbers that hide.
        super().__init__(autocast=False, **kwargs)
        if order not in ORDERS:
            raise UserError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
        if order == "post" and not first_norm:
            raise UserError(
                'first_norm=False leaves out what is normalised before the attention: not with order="post"'
            )
        self._config: dict[str, Any] = dict(
            hidden_dim=hidden_dim,
            causal=causal,
            cross_attention=cross_attention,
            dropout=dropout,
            norm=norm,
            order=order,
            norm_epsilon=norm_epsilon,
            norm_bias=norm_bias,
            norm_unit_offset=norm_unit_offset,
            first_norm=first_norm,
            residual_initializer_stddev=residual_initializer_stddev,
        )
        self._attention_config, self._feed_forward_config = dict(attention), dict(feed_forward)
        self.hidden_dim = hidden_dim
        self.causal = causal
        self.order = order
        self.cross_attention = self.cross_attention_norm = None
        self._make_self_attention(first_norm)
        # Optimizers and checkpoints know weights by their order, so both orders stay.
        if norm == "rms" and cross_attention:
            self._make_cross_attention()
        self._make_feed_forward()
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        if norm != "rms" and cross_attention:
            self._make_cross_attention()
        self.self_attention_output_norm, self.cross_attention_output_norm, self.feed_forward_output_norm = (
            self._norm(f"{name}_output_norm") if order == "both" and present else None
            for name, present in (("self_attention", 1), ("cross_attention", cross_attention), ("feed_forward", 1))
        )
        if residual_initializer_stddev is not None:
            for layer in (self.self_attention.output_projection, self.feed_forward.down_projection):
                layer.kernel_initializer = projection_initializer(residual_initializer_stddev)

    def _make_self_attention(self, first_norm):
        self.self_attention = self._attention("self_attention", self._attention_config)
        self.self_attention_norm = self._norm("self_attention_norm") if first_norm else None

    def _make_cross_attention(self):
        config = {**self._attention_config, "positions": None, "window": None}
        self.cross_attention = self._attention("cross_attention", config)
        self.cross_attention_norm = self._norm("cross_attention_norm")

    def _make_feed_forward(self):
        self.feed_forward = FeedForward(
            self.hidden_dim, **self._feed_forward_config, dtype=self.dtype_policy, name="feed_forward"
        )
        self.feed_forward_norm = self._norm("feed_forward_norm")

    def _attention(self, name, config):
        return Attention(self.hidden_dim, **config, dtype=self.dtype_policy, name=name)

    def _norm(self, name):
        config = self._config
        return normalization(
            config["norm"],
            config["norm_epsilon"],
            config["norm_bias"],
            config["norm_unit_offset"],
            dtype=self.dtype_policy,
            name=name,
        )

    def flops(self, vectors: Vectors, source: Any = None) -> tuple[int, Vectors]:
        """Operations of forward and backward pass over `Vectors`, and the `Vectors` that come out.

        Args:
            vectors: What comes in.
            source: What a block with cross-attention attends to.
        """
        total = 0

        def count(sublayer, *arguments):
            def counted(inputs):
                nonlocal total
                flops, outputs = sublayer.flops(inputs, *arguments)
                total += flops
                return outputs

            return counted

        sublayers = [(count(self.self_attention), self.self_attention_norm, self.self_attention_output_norm)]
        if self.cross_attention is not None:
            attend = count(self.cross_attention, source)
            sublayers.append((attend, self.cross_attention_norm, self.cross_attention_output_norm))
        sublayers.append((count(self.feed_forward), self.feed_forward_norm, self.feed_forward_output_norm))
        for sublayer, norm, output_norm in sublayers:
            if self.order == "post":
                vectors = vectors.learning(sublayer(vectors).learns).through(norm)
            else:
                vectors = vectors.learning(sublayer(vectors.through(norm)).through(output_norm).learns)
        return total, vectors

    def packings(self) -> Iterator[Any]:
        """Yields each `zoo.weights.Packing`: query, key and value as one, and every other projection."""
        attention = self.self_attention
        together = (attention.query, attention.key, attention.value)
        if all(layer.quantization_mode is None for layer in together):
            yield attention.joint_packing()
        for layer in self._flatten_layers():
            if isinstance(layer, Projection) and layer not in together and layer.quantization_mode is None:
                yield layer.packing()

    def build(self, inputs_shape: Any, encoded_shape: Any = None) -> None:
        """Creates the weights for inputs `[B, T, D]` and an encoded source `[B, S, D']`."""
        if self.cross_attention is not None:
            self.cross_attention.build(inputs_shape, encoded_shape or inputs_shape)
        for layer in (
            self.self_attention,
            self.self_attention_norm,
            self.cross_attention_norm,
            self.feed_forward,
            self.feed_forward_norm,
            self.self_attention_output_norm,
            self.cross_attention_output_norm,
            self.feed_forward_output_norm,
        ):
            if layer is not None:
                layer.build(inputs_shape)
        self.built = True

    def call(
        self,
        inputs: Any,
        encoded: Any = None,
        padding_mask: Any = None,
        encoded_padding_mask: Any = None,
        attention_mask: Any = None,
        bias: Any = None,
        encoded_bias: Any = None,
        rotation: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Every position at once.

        Args:
            inputs: float `[B, T, D]`; in a causal block padding belongs at the end, where no real position sees it.
            encoded: float `[B, S, D']`, the source of a block with cross-attention.
            padding_mask: bool or int `[B, T]`, True for real tokens.
            encoded_padding_mask: bool or int `[B, S]`, likewise of the source.
            attention_mask: bool or int `[B, T, T]`, True where a position may see another; in a causal block no later
                one is seen whatever it says.
            bias, encoded_bias: float32 that broadcast to `[B, H, T, T]` and `[B, H, T, S]`, added to logits.
            rotation: See `Attention`.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """

        def attend_to_self(x):
            return self.self_attention(
                x,
                padding_mask=padding_mask,
                causal=self.causal,
                attention_mask=attention_mask,
                bias=bias,
                rotation=rotation,
                training=training,
            )

        def attend_to_source(x):
            return self.cross_attention(
                x, encoded, padding_mask=encoded_padding_mask, bias=encoded_bias, training=training
            )

        def feed_forward(x):
            return self.feed_forward(x, training=training)

        return self._through(
            ops.cast(inputs, self.compute_dtype), attend_to_self, attend_to_source, feed_forward, training
        )

    def _through(self, x, attend_to_self, attend_to_source, feed_forward, training=None):
        """The residual path: what comes in, plus what each sub-layer makes of it."""
        x = self._residual(x, attend_to_self, self.self_attention_norm, self.self_attention_output_norm, training)
        if self.cross_attention is not None:
            norms = self.cross_attention_norm, self.cross_attention_output_norm
            x = self._residual(x, attend_to_source, *norms, training)
        return self._residual(x, feed_forward, self.feed_forward_norm, self.feed_forward_output_norm, training)

    def _residual(self, x, sublayer, norm, output_norm, training):
        """`norm(x + dropout(sublayer(x)))`, or else `x + dropout(output_norm(sublayer(norm(x))))`."""
        if self.order == "post":
            return norm(x + self.dropout(sublayer(x), training=training))
        outputs = sublayer(x if norm is None else norm(x))
        outputs = outputs if output_norm is None else output_norm(outputs)
        return x + self.dropout(outputs, training=training)

    def prefill(self, inputs: Any, rotation: Any = None, lengths: Any = None, chunk: Any = None) -> tuple[Any, Any]:
        """As `call` of a causal block without dropout, and what the steps that follow need.

        Args:
            inputs: float `[B, T, D]`.
            rotation, lengths, chunk: See `Attention.prefill`.

        Returns:
            float `[B, T, D]`, and keys and values as of `Attention.prefill`.
        """
        return self._with_state(inputs, lambda x: self.self_attention.prefill(x, rotation, lengths, chunk))

    def step(
        self,
        inputs: Any,
        position: Any,
        cache: Any,
        prompt: Any = None,
        encoded_cache: Any = None,
        encoded_visible: Any = None,
    ) -> tuple[Any, Any]:
        """One new position for each of N = B * M hypotheses, M to a prompt or a source.

        Args:
            inputs: float `[N, D]`, hypotheses of a row next to each other.
            position: `DecodePosition` of the position.
            cache: the block's keys and values, `[N, H', L, K]` each.
            prompt: keys and values of prompts that the cache does not hold; see `Attention.step`.
            encoded_cache: `cross_attention.keys_and_values(encoded)`, `[B, H', S, K]` each; the M hypotheses of a row
                share them.
            encoded_visible: bool `[B, 1, 1, S]`, True for real tokens of the source.

        Returns:
            float `[N, D]` and the cache with the position written.
        """
        return self._with_state(
            inputs,
            lambda x: self.self_attention.step(x, cache, position, prompt),
            lambda x: self.cross_attention.attend_cached(x, encoded_cache, encoded_visible),
        )

    def _with_state(self, inputs, attend_to_self, attend_to_source=None):
        """The block with an attention that also returns keys and values."""
        state = None

        def attention(x):
            nonlocal state
            attended, state = attend_to_self(x)
            return attended

        return self._through(inputs, attention, attend_to_source, self.feed_forward), state

    def compute_output_shape(self, inputs_shape: Any, encoded_shape: Any = None) -> tuple:
        """`[B, T, D]`."""
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        attention = dict(self._attention_config)
        if attention.get("positions") is not None and not isinstance(attention["positions"], dict):
            attention["positions"] = keras.saving.serialize_keras_object(attention["positions"])
        return {
            **super().get_config(),
            **self._config,
            "attention": attention,
            "feed_forward": dict(self._feed_forward_config),
        }
