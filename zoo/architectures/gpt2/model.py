"""The decoder-only Transformer: GPT-2."""

import math
from typing import Any

import keras

from zoo.layers import PositionEmbedding, TokenEmbedding, TransformerBlock
from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import BERT_STDDEV
from zoo.models.decoder import Decoder

PUBLISHED_VOCABULARY_SIZE = 50257
SIZES: dict[str, dict[str, Any]] = {
    # Radford et al. 2019, table 2, by the names that the checkpoints were published under.
    "small": dict(num_layers=12, hidden_dim=768, intermediate_dim=3072, num_heads=12),
    "medium": dict(num_layers=24, hidden_dim=1024, intermediate_dim=4096, num_heads=16),
    "large": dict(num_layers=36, hidden_dim=1280, intermediate_dim=5120, num_heads=20),
    "xl": dict(num_layers=48, hidden_dim=1600, intermediate_dim=6400, num_heads=25),
}


@keras.saving.register_keras_serializable(package="zoo")
class GPT2(Decoder):
    """A Transformer that predicts the next token from those before it; see `Decoder`.

    Initial weights are truncated normals of standard deviation 0.02, those of the projections onto the residual path of
    0.02 / sqrt(2 * num_layers).

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        num_layers: Number of blocks.
        dropout: Rate on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        activation: See `FeedForward`.
        max_sequence_length: Longest sequence, prompt and continuation together, in tokens.
        layer_norm_epsilon: Added to the variance in every normalisation.
        tied_embeddings: Whether the table of token vectors is the output matrix too.
        embedding_dropout: Rate on embeddings; `dropout` if None.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and its reference
        implementation, https://github.com/openai/gpt-2.

    Example:
        >>> model = GPT2.from_size("small", num_layers=2, vocabulary_size=100)
        >>> model({"token_ids": np.array([[5, 6, 2]])}).shape
        (1, 3, 100)
    """

    sizes = SIZES

    def __init__(
        self,
        vocabulary_size: int = PUBLISHED_VOCABULARY_SIZE,
        hidden_dim: int = 768,
        intermediate_dim: int = 3072,
        num_heads: int = 12,
        num_layers: int = 12,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        activation: str = "gelu_approximate",
        max_sequence_length: int = 1024,
        layer_norm_epsilon: float = 1e-5,
        tied_embeddings: bool = True,
        embedding_dropout: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._config = given_arguments(locals())
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.max_sequence_length = max_sequence_length
        self.tied_embeddings = tied_embeddings

        def embedding(name):
            return TokenEmbedding(
                vocabulary_size, hidden_dim, initializer_stddev=BERT_STDDEV, dtype=self.dtype_policy, name=name
            )

        self.token_embedding = embedding("token_embedding")
        self.output_embedding = self.token_embedding if tied_embeddings else embedding("output_embedding")
        self.position_embedding = PositionEmbedding(
            max_sequence_length,
            "learned",
            initializer_stddev=BERT_STDDEV,
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.decoder_blocks = [
            TransformerBlock(
                hidden_dim,
                dict(num_heads=num_heads, dropout=attention_dropout, initializer_stddev=BERT_STDDEV),
                dict(intermediate_dim=intermediate_dim, activation=activation, initializer_stddev=BERT_STDDEV),
                causal=True,
                dropout=dropout,
                order="pre",
                norm_epsilon=layer_norm_epsilon,
                # The sum on the residual path grows with the number of its terms, two to a block.
                residual_initializer_stddev=BERT_STDDEV / math.sqrt(2 * num_layers),
                dtype=self.dtype_policy,
                name=f"decoder_block_{i}",
            )
            for i in range(num_layers)
        ]
        self.final_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name="final_norm"
        )
        self.dropout = keras.layers.Dropout(
            dropout if embedding_dropout is None else embedding_dropout, dtype=self.dtype_policy, name="dropout"
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
