"""Labels for a whole text or pair of texts."""

from typing import Any

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers.flops import flops_in_turn
from zoo.layers.given_arguments import given_arguments
from zoo.models.encoder_with_head import EncoderWithHead

POOLINGS = ("pooler", "first", "mean")


@keras.saving.register_keras_serializable(package="zoo")
class SequenceClassifier(EncoderWithHead):
    """An encoder, one vector for the whole sequence and a dense layer over it.

    The heads as published: BERT has pooling "pooler"; DistilBERT "first" with a hidden layer of "relu"; RoBERTa "first"
    with a hidden layer of "tanh" and dropout before it too.

    Args:
        encoder: The `Encoder`, taken over and not copied.
        num_labels: C.
        dropout: Rate on what the last dense layer reads.
        pooling: "pooler" (the encoder's), "first" (the first position's vector) or "mean" (over real tokens).
        hidden_activation: Of a dense layer of D units before the last, see `zoo.layers.activations`; no such layer if
            None.
        hidden_dropout: Rate on what that layer reads.
        hidden_bias: Whether it has a bias.
        hidden_norm: Whether what it gives is normalised, as in ModernBERT.

    Example:
        >>> model = SequenceClassifier(Encoder.from_size("tiny", vocabulary_size=100), num_labels=3, pooling="mean")
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"token_ids": ids, "padding_mask": ids > 0}).shape
        (1, 3)
    """

    def __init__(
        self,
        encoder: Any,
        num_labels: int,
        dropout: float = 0.1,
        pooling: str = "pooler",
        hidden_activation: str | None = None,
        hidden_dropout: float = 0.0,
        hidden_bias: bool = True,
        hidden_norm: bool = False,
        **kwargs: Any,
    ):
        super().__init__(encoder, **kwargs)
        if pooling not in POOLINGS:
            raise UserError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
        if pooling == "pooler":
            self._needs_pooler('pooling="pooler"')
        self._head_config = given_arguments(locals(), "encoder")
        self.num_labels = num_labels
        self.pooling = pooling
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.hidden_dropout = None
        if hidden_activation is not None:
            self.hidden_dropout = keras.layers.Dropout(hidden_dropout, dtype=self.dtype_policy, name="hidden_dropout")
        self._make_hidden(hidden_activation, hidden_bias, hidden_norm)
        self.classifier = self._dense(num_labels, "classifier")

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        if not self.encoder.built:
            self.encoder.build()
        self._build_hidden()
        self.classifier.build((None, self.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """float32 logits `[B, C]`; the inputs are those of `Encoder`."""
        x = self._pool(self.encoder(inputs, training=training), inputs["padding_mask"])
        if self.hidden_dropout is not None:
            x = self.hidden_dropout(x, training=training)
        x = self._through_hidden(x)
        return ops.cast(self.classifier(self.dropout(x, training=training)), "float32")

    def _pool(self, encoded, padding_mask):
        if self.pooling == "pooler":
            return encoded["pooled"]
        if self.pooling == "first":
            return encoded["hidden_states"][:, 0]
        return mean_over_tokens(encoded["hidden_states"], padding_mask)

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        flops, vectors = self.encoder.flops_of_blocks(inputs)
        pooler = self.encoder.pooler if self.pooling == "pooler" else None
        return flops + flops_in_turn(vectors._replace(length=1), pooler, self.hidden, self.classifier)[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._head_config}


def mean_over_tokens(hidden_states, padding_mask):
    """Means over real tokens, `[B, D]`, of `[B, S, D]` with a bool or int mask `[B, S]`; zeros for a row without any.

    Sums run in float32, whatever the dtype.
    """
    weights = ops.cast(padding_mask, "float32")[:, :, None]
    total = ops.sum(ops.cast(hidden_states, "float32") * weights, axis=1)
    return ops.cast(total / ops.maximum(ops.sum(weights, axis=1), 1.0), hidden_states.dtype)
