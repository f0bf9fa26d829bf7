"""A label for every token, as in named entity recognition."""

from typing import Any

import keras
from keras import ops

from zoo.layers.flops import flops_in_turn
from zoo.layers.given_arguments import given_arguments
from zoo.models.encoder_with_head import EncoderWithHead


@keras.saving.register_keras_serializable(package="zoo")
class TokenClassifier(EncoderWithHead):
    """An encoder and one dense layer over every position.

    Args:
        encoder: The `Encoder`, taken over and not copied.
        num_labels: C.
        dropout: Rate on what the dense layer reads.
        hidden_activation, hidden_bias, hidden_norm: Of a hidden layer before it, as in ModernBERT; see
            `SequenceClassifier`.

    Example:
        >>> model = TokenClassifier(Encoder.from_size("tiny", vocabulary_size=100), num_labels=5)
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"token_ids": ids, "padding_mask": ids > 0}).shape
        (1, 3, 5)
    """

    def __init__(
        self,
        encoder: Any,
        num_labels: int,
        dropout: float = 0.1,
        hidden_activation: str | None = None,
        hidden_bias: bool = True,
        hidden_norm: bool = False,
        **kwargs: Any,
    ):
        super().__init__(encoder, **kwargs)
        self.num_labels = num_labels
        self._head_config = given_arguments(locals(), "encoder")
        self._make_hidden(hidden_activation, hidden_bias, hidden_norm)
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.classifier = self._dense(num_labels, "classifier")

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        if not self.encoder.built:
            self.encoder.build()
        self._build_hidden()
        self.classifier.build((None, None, self.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """float32 logits `[B, S, C]`; the inputs are those of `Encoder`."""
        hidden_states = self.encoder(inputs, training=training)["hidden_states"]
        x = self._through_hidden(hidden_states)
        return ops.cast(self.classifier(self.dropout(x, training=training)), "float32")

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        flops, vectors = self.encoder.flops_of_blocks(inputs)
        return flops + flops_in_turn(vectors, self.hidden, self.classifier)[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._head_config}
