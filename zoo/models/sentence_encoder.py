"""One vector for a whole text."""

from typing import Any

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers import Projection
from zoo.layers.activations import activate, check_activation
from zoo.layers.flops import flops_in_turn
from zoo.models.encoder_with_head import EncoderWithHead
from zoo.models.sequence_classifier import mean_over_tokens

POOLINGS = ("first", "last", "max", "mean", "mean_sqrt_len", "weighted_mean")
_LEAST = 1e-12


@keras.saving.register_keras_serializable(package="zoo")
class SentenceEncoder(EncoderWithHead):
    """An encoder, the pooling of its vectors into one, and what sentence-transformers may put behind that.

    Args:
        encoder: The `Encoder`, taken over and not copied.
        poolings: How vectors of real tokens become one: "first", "last", "max" (of each entry), "mean",
            "mean_sqrt_len" (their sum divided by the root of their number) and "weighted_mean" (the i-th token counts
            i times). Of several the results stand side by side, in the order given.
        projections: For each dense layer behind that a dict of `units`, `activation` (see `zoo.layers.activations`, or
            "linear" or "tanh") and `use_bias`.
        layer_norm: Whether layer normalisation follows.
        normalize: Whether the vector is divided by its length at the end.

    Source: Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.

    Example:
        >>> model = SentenceEncoder(Encoder.from_size("tiny", vocabulary_size=100))
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"token_ids": ids, "padding_mask": ids > 0}).shape
        (1, 128)
    """

    def __init__(
        self,
        encoder: Any,
        poolings: Any = ("mean",),
        projections: Any = (),
        layer_norm: bool = False,
        normalize: bool = True,
        **kwargs: Any,
    ):
        super().__init__(encoder, **kwargs)
        if not poolings or set(poolings) - set(POOLINGS) or len(set(poolings)) != len(poolings):
            raise UserError(f"poolings must be some of {', '.join(POOLINGS)}, got {poolings!r}")
        self.poolings = tuple(poolings)
        self.projections = [
            Projection(
                layer["units"],
                use_bias=layer.get("use_bias", True),
                dtype=self.dtype_policy,
                name=f"projection_{i}",
            )
            for i, layer in enumerate(projections)
        ]
        self.activations = [layer.get("activation", "linear") for layer in projections]
        for activation in self.activations:
            if activation != "linear":
                check_activation(activation)
        self.layer_norm = (
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="layer_norm")
            if layer_norm
            else None
        )
        self.normalize = normalize
        self._head_config = dict(
            poolings=list(poolings),
            projections=[dict(layer) for layer in projections],
            layer_norm=layer_norm,
            normalize=normalize,
        )

    @property
    def embedding_dim(self) -> int:
        """Width of the vectors."""
        if self.projections:
            return self.projections[-1].units
        return len(self.poolings) * self.encoder.hidden_dim

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        if not self.encoder.built:
            self.encoder.build()
        width = len(self.poolings) * self.encoder.hidden_dim
        for layer in self.projections:
            layer.build((None, width))
            width = layer.units
        if self.layer_norm is not None:
            self.layer_norm.build((None, width))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """float32 vectors `[B, E]`; the inputs are those of `Encoder`. A row without real tokens has zeros."""
        hidden = self.encoder(inputs, training=training)["hidden_states"]
        mask = inputs["padding_mask"]
        x = ops.concatenate([_POOLINGS[name](hidden, mask) for name in self.poolings], axis=-1)
        for layer, activation in zip(self.projections, self.activations, strict=True):
            x = layer(x) if activation == "linear" else activate(layer(x), activation)
        if self.layer_norm is not None:
            x = self.layer_norm(x)
        x = ops.cast(x, "float32")
        if self.normalize:
            x = x / ops.maximum(ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True)), _LEAST)
        return x

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        flops, vectors = self.encoder.flops_of_blocks(inputs)
        return flops + flops_in_turn(vectors._replace(length=1), *self.projections)[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._head_config}


def _weights(mask):
    return ops.cast(mask, "float32")[:, :, None]


def _first(hidden, mask):
    return hidden[:, 0]


def _last(hidden, mask):
    length = ops.sum(ops.cast(mask, "int32"), axis=1)
    at_end = ops.arange(ops.shape(mask)[1])[None] == ops.maximum(length - 1, 0)[:, None]
    return ops.cast(ops.sum(ops.cast(hidden, "float32") * _weights(at_end), axis=1), hidden.dtype)


def _max(hidden, mask):
    return ops.max(ops.where(_weights(mask) > 0, hidden, ops.cast(-1e9, hidden.dtype)), axis=1)


def _mean_sqrt_len(hidden, mask):
    weights = _weights(mask)
    total = ops.sum(ops.cast(hidden, "float32") * weights, axis=1)
    return ops.cast(total / ops.sqrt(ops.maximum(ops.sum(weights, axis=1), 1.0)), hidden.dtype)


def _weighted_mean(hidden, mask):
    weights = _weights(mask) * ops.cast(ops.arange(ops.shape(mask)[1]) + 1, "float32")[None, :, None]
    total = ops.sum(ops.cast(hidden, "float32") * weights, axis=1)
    return ops.cast(total / ops.maximum(ops.sum(weights, axis=1), 1.0), hidden.dtype)


_POOLINGS = {
    "first": _first,
    "last": _last,
    "max": _max,
    "mean": mean_over_tokens,
    "mean_sqrt_len": _mean_sqrt_len,
    "weighted_mean": _weighted_mean,
}
