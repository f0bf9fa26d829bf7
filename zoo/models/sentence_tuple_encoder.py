"""The vectors of the texts of an example, side by side."""

from typing import Any

import keras
from keras import ops

from zoo.models.inner_model import with_inner_model
from zoo.models.sentence_encoder import SentenceEncoder
from zoo.models.transformer_model import TransformerModel


@keras.saving.register_keras_serializable(package="zoo")
class SentenceTupleEncoder(TransformerModel):
    """A `SentenceEncoder` that reads K texts of each example, such as a question, its answer and a wrong one.

    It is what embedders are trained as: losses of `zoo.training.losses` compare the texts of an example with each other
    and with those of other examples.

    Args:
        sentence_encoder: The `SentenceEncoder`, taken over and not copied.
        num_texts: K.

    Example:
        >>> model = SentenceTupleEncoder(SentenceEncoder(Encoder.from_size("tiny", vocabulary_size=100)), 2)
        >>> text = {"token_ids": np.array([[5, 6, 2]]), "padding_mask": np.ones((1, 3))}
        >>> model({f"{name}_{k}": array for name, array in text.items() for k in (0, 1)}).shape
        (1, 2, 128)
    """

    def __init__(self, sentence_encoder: SentenceEncoder, num_texts: int, **kwargs: Any):
        kwargs.setdefault("dtype", sentence_encoder.dtype_policy)
        super().__init__(**kwargs)
        self.sentence_encoder = sentence_encoder
        self.num_texts = num_texts

    @property
    def encoder(self) -> Any:
        """The encoder below."""
        return self.sentence_encoder.encoder

    @property
    def max_sequence_length(self) -> int:
        """Longest text, in tokens."""
        return self.sentence_encoder.max_sequence_length

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight."""
        if not self.sentence_encoder.built:
            self.sentence_encoder.build()
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """float32 vectors `[B, K, E]`.

        Args:
            inputs: For each text k from 0 the arrays of `SentenceEncoder`, such as `token_ids_k` and `padding_mask_k`
                int [B, S], where S may differ from text to text.
            training: Whether there is dropout.
        """
        vectors = [self.sentence_encoder(each, training=training) for each in self._texts(inputs)]
        return ops.stack(vectors, axis=1)

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        return sum(self.sentence_encoder.flops(each) for each in self._texts(inputs))

    def _texts(self, inputs):
        for number in range(self.num_texts):
            end = f"_{number}"
            yield {name.removesuffix(end): array for name, array in inputs.items() if name.endswith(end)}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        inner = keras.saving.serialize_keras_object(self.sentence_encoder)
        return {**super().get_config(), "sentence_encoder": inner, "num_texts": self.num_texts}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "SentenceTupleEncoder":
        """The model of a configuration, whose precision is that of its encoder too."""
        return cls(**with_inner_model(config, "sentence_encoder", custom_objects))
