"""A label for every token, as in named entity recognition."""

import keras
from keras import ops

from zoo.models.encoder_with_head import EncoderWithHead


@keras.saving.register_keras_serializable(package="zoo")
class TokenClassifier(EncoderWithHead):
    """An encoder and one dense layer over every position.

    Args:
        encoder: The `Encoder`, taken over and not copied.
        num_labels: C.
        dropout: Rate on what the dense layer reads.

    Example:
        >>> model = TokenClassifier(Encoder.from_size("tiny", vocabulary_size=100), num_labels=5)
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"token_ids": ids, "padding_mask": ids > 0}).shape
        (1, 3, 5)
    """

    def __init__(self, encoder, num_labels, dropout=0.1, **kwargs):
        super().__init__(encoder, **kwargs)
        self.num_labels = num_labels
        self.dropout_rate = dropout
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.classifier = self._dense(num_labels, "classifier")

    def build(self, input_shape=None):
        """Creates every weight; the shapes depend on the configuration alone."""
        if not self.encoder.built:
            self.encoder.build()
        self.classifier.build((None, None, self.encoder.hidden_dim))
        self.built = True

    def call(self, inputs, training=None):
        """float32 logits `[B, S, C]`; the inputs are those of `Encoder`."""
        hidden_states = self.encoder(inputs, training=training)["hidden_states"]
        return ops.cast(self.classifier(self.dropout(hidden_states, training=training)), "float32")

    def flops(self, inputs):
        """See `TransformerModel`."""
        flops, vectors = self.encoder.flops_of_blocks(inputs)
        return flops + self.classifier.flops(vectors)[0]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "num_labels": self.num_labels, "dropout": self.dropout_rate}
