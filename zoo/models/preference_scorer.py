"""How probable two answers are to a language model, as preferences are learned."""

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.models.decoder import token_log_probs
from zoo.models.inner_model import with_inner_model
from zoo.models.transformer_model import TransformerModel


@keras.saving.register_keras_serializable(package="zoo")
class PreferenceScorer(TransformerModel):
    """Log-probabilities of the answers in two texts of each example, by a `zoo.models.Decoder`.

    Args:
        decoder: The language model, taken over and not copied.

    Example:
        >>> scorer = PreferenceScorer(GPT2.from_size("small", num_layers=2, vocabulary_size=100))
        >>> texts = {"token_ids": np.ones((3, 2, 5)), "labels": np.ones((3, 2, 5)), "learned": np.ones((3, 2, 5))}
        >>> scorer(texts).shape
        (3, 2)
    """

    def __init__(self, decoder: Any, **kwargs: Any):
        kwargs.setdefault("dtype", decoder.dtype_policy)
        super().__init__(**kwargs)
        self.decoder = decoder

    @property
    def max_sequence_length(self) -> int:
        """Longest text, in tokens."""
        return self.decoder.max_sequence_length

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight."""
        if not self.decoder.built:
            self.decoder.build()
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """float32 `[B, 2]`, sums of log-probabilities.

        Args:
            inputs: "token_ids" int32 `[B, 2, S]`, padding at the end; "labels" int32 `[B, 2, S]`, the tokens after
                them; "learned" `[B, 2, S]`, 1 for labels that count and 0 for others.
            training: Whether there is dropout.
        """
        shape = ops.shape(inputs["token_ids"])
        logits = self.decoder({"token_ids": ops.reshape(inputs["token_ids"], (-1, shape[2]))}, training=training)
        labels = ops.cast(ops.reshape(inputs["labels"], (-1, shape[2])), "int32")
        log_probs = ops.reshape(token_log_probs(logits, labels), shape)
        return ops.sum(log_probs * ops.cast(inputs["learned"], "float32"), axis=-1)

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        rows, texts, length = inputs["token_ids"].shape
        return self.decoder.flops({"token_ids": np.broadcast_to(np.int32(0), (rows * texts, length))})

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "decoder": keras.saving.serialize_keras_object(self.decoder)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "PreferenceScorer":
        """The model of a configuration, whose precision is that of its decoder too."""
        return cls(**with_inner_model(config, "decoder", custom_objects))
