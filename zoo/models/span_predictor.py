"""Where in a sequence an answer begins and ends."""

from typing import Any

import keras
from keras import ops

from zoo.layers.flops import flops_in_turn
from zoo.layers.given_arguments import given_arguments
from zoo.models.encoder_with_head import EncoderWithHead

_LOWEST = -1e9


@keras.saving.register_keras_serializable(package="zoo")
class SpanPredictor(EncoderWithHead):
    """An encoder and one dense layer of two outputs over every position: whether an answer begins there, or ends.

    Args:
        encoder: The `Encoder`, taken over and not copied.
        dropout: Rate on what the dense layer reads.
        hidden_activation, hidden_bias, hidden_norm: Of a hidden layer before it, as in ModernBERT; see
            `SequenceClassifier`.

    Source: Devlin et al. 2019, section 4.2, https://arxiv.org/abs/1810.04805.

    Example:
        >>> model = SpanPredictor(Encoder.from_size("tiny", vocabulary_size=100))
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"token_ids": ids, "padding_mask": ids > 0}).shape
        (1, 2, 3)
    """

    def __init__(
        self,
        encoder: Any,
        dropout: float = 0.0,
        hidden_activation: str | None = None,
        hidden_bias: bool = True,
        hidden_norm: bool = False,
        **kwargs: Any,
    ):
        super().__init__(encoder, **kwargs)
        self._head_config = given_arguments(locals(), "encoder")
        self._make_hidden(hidden_activation, hidden_bias, hidden_norm)
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.span_head = self._dense(2, "span_head")

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        if not self.encoder.built:
            self.encoder.build()
        self._build_hidden()
        self.span_head.build((None, None, self.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """float32 logits `[B, 2, S]` of beginnings and of ends; the inputs are those of `Encoder`.

        Padding has the least of logits, so that no probability falls on it.
        """
        hidden_states = self.encoder(inputs, training=training)["hidden_states"]
        x = self.dropout(self._through_hidden(hidden_states), training=training)
        logits = ops.cast(self.span_head(x), "float32")
        real = ops.cast(inputs["padding_mask"], "bool")[:, None]
        return ops.where(real, ops.transpose(logits, (0, 2, 1)), _LOWEST)

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        flops, vectors = self.encoder.flops_of_blocks(inputs)
        return flops + flops_in_turn(vectors, self.hidden, self.span_head)[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._head_config}
