"""Masked language modelling, with or without next-sentence prediction."""

from typing import Any

import keras
from keras import ops

from zoo.layers import MaskedLanguageModelHead
from zoo.layers.flops import flops_in_turn
from zoo.layers.initializers import BERT_STDDEV
from zoo.models.encoder_with_head import EncoderWithHead


@keras.saving.register_keras_serializable(package="zoo")
class MaskedTokenPredictor(EncoderWithHead):
    """An encoder that predicts the tokens at masked positions, for pretraining and for filling blanks.

    The output matrix is the encoder's table of token vectors.

    Args:
        encoder: The `Encoder`, taken over and not copied.
        next_sentence: Whether there is a second output, over the pooler: does the second segment follow the first?
        activation: Of the head's projection; the encoder's if None.
        transform_bias: Whether that projection has a bias.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805, section 3.1.

    Example:
        >>> model = MaskedTokenPredictor(Encoder.from_size("tiny", vocabulary_size=100))
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"token_ids": ids, "padding_mask": ids > 0, "masked_positions": np.array([[1]])}).shape
        (1, 1, 100)
    """

    def __init__(
        self,
        encoder: Any,
        next_sentence: bool = False,
        activation: str | None = None,
        transform_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(encoder, **kwargs)
        self.activation_name = activation
        self.token_head = MaskedLanguageModelHead(
            encoder.vocabulary_size,
            encoder.embedding_dim,
            encoder.activation_name if activation is None else activation,
            encoder.layer_norm_epsilon,
            BERT_STDDEV,
            transform_bias,
            encoder.norm_bias,
            dtype=self.dtype_policy,
            name="token_head",
        )
        self.next_sentence_head = None
        if next_sentence:
            self._needs_pooler("next-sentence prediction")
            self.next_sentence_head = self._dense(2, "next_sentence_head")

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        if not self.encoder.built:
            self.encoder.build()
        self.token_head.build((None, None, self.encoder.hidden_dim))
        if self.next_sentence_head is not None:
            self.next_sentence_head.build((None, self.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Logits over the vocabulary.

        Args:
            inputs: dict as for `Encoder`, and optionally `masked_positions` int32 `[B, M]`: the positions to predict.
            training: Whether dropout is active.

        Returns:
            float32 `[B, S, V]`, or `[B, M, V]` with `masked_positions`. With next-sentence prediction a dict of that as
            `token_logits`, and `next_sentence_logits` float32 `[B, 2]`; class 0 is "it follows", as published.
        """
        encoded = self.encoder(inputs, training=training)
        hidden_states = encoded["hidden_states"]
        if inputs.get("masked_positions") is not None:
            positions = ops.cast(inputs["masked_positions"], "int32")
            hidden_states = ops.take_along_axis(hidden_states, positions[:, :, None], axis=1)
        token_logits = self.token_head(hidden_states, self.encoder.token_embedding.embeddings)
        if self.next_sentence_head is None:
            return token_logits
        next_sentence_logits = ops.cast(self.next_sentence_head(encoded["pooled"]), "float32")
        return {"token_logits": token_logits, "next_sentence_logits": next_sentence_logits}

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        flops, vectors = self.encoder.flops_of_blocks(inputs)
        if self.next_sentence_head is not None:
            first = vectors._replace(length=1)
            flops += flops_in_turn(first, self.encoder.pooler, self.next_sentence_head)[0]
        if inputs.get("masked_positions") is not None:
            vectors = vectors._replace(length=inputs["masked_positions"].shape[1])
        return flops + self.token_head.flops(vectors, self.encoder.token_embedding)[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            next_sentence=self.next_sentence_head is not None,
            activation=self.activation_name,
            transform_bias=self.token_head.transform.use_bias,
        )
        return config
