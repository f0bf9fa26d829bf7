"""The encoder of BERT, DistilBERT and RoBERTa."""

from typing import Any

import keras

from zoo.errors import UserError
from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import BERT_STDDEV
from zoo.models.encoder_model import EncoderModel

NORM_PLACES = ("post", "pre")
# Turc et al. 2019, https://arxiv.org/abs/1908.08962 ("BERT miniatures"); base and large: Devlin et al. 2019, table 1.
SIZES: dict[str, dict[str, Any]] = {
    "tiny": dict(num_layers=2, hidden_dim=128, intermediate_dim=512, num_heads=2),
    "mini": dict(num_layers=4, hidden_dim=256, intermediate_dim=1024, num_heads=4),
    "small": dict(num_layers=4, hidden_dim=512, intermediate_dim=2048, num_heads=8),
    "medium": dict(num_layers=8, hidden_dim=512, intermediate_dim=2048, num_heads=8),
    "base": dict(num_layers=12, hidden_dim=768, intermediate_dim=3072, num_heads=12),
    "large": dict(num_layers=24, hidden_dim=1024, intermediate_dim=4096, num_heads=16),
}


@keras.saving.register_keras_serializable(package="zoo")
class Encoder(EncoderModel):
    """A Transformer that turns tokens into vectors that know their context, such as BERT, DistilBERT and RoBERTa.

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        num_layers: Number of blocks.
        max_sequence_length: Longest sequence, in tokens.
        num_segments: Kinds of segments there are vectors for; 0 for none, as in DistilBERT.
        activation: See `FeedForward`.
        dropout: Rate on embeddings and on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        activation_dropout: Rate inside the feed-forward networks.
        norm: "post" (as published) or "pre", which normalises at the end instead of after the embeddings.
        position_offset: Unused rows before the vector of the first position; 2 in RoBERTa.
        pooler: Whether there is a dense tanh layer over the first position.
        layer_norm_epsilon: Added to the variance in every normalisation.
        embedding_dim: Width of the vectors of tokens, segments and positions; D if None.
        num_relative_buckets: Ranges of distances that attention has a learned bias for, 32 in MPNet; 0 for none.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805.

    Example:
        >>> encoder = Encoder.from_size("tiny", vocabulary_size=100)
        >>> ids = np.array([[5, 6, 2, 0]])
        >>> encoder({"token_ids": ids, "padding_mask": ids > 0})["hidden_states"].shape
        (1, 4, 128)
    """

    sizes = SIZES

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 768,
        intermediate_dim: int = 3072,
        num_heads: int = 12,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        activation: str = "gelu",
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        activation_dropout: float = 0.0,
        norm: str = "post",
        position_offset: int = 0,
        pooler: bool = True,
        layer_norm_epsilon: float = 1e-12,
        embedding_dim: int | None = None,
        num_relative_buckets: int = 0,
        **kwargs: Any,
    ):
        if norm not in NORM_PLACES:
            raise UserError(f"norm must be one of {', '.join(NORM_PLACES)}, got {norm!r}")
        config = given_arguments(locals())
        attention = dict(num_heads=num_heads, dropout=attention_dropout, initializer_stddev=BERT_STDDEV)
        feed_forward = dict(
            intermediate_dim=intermediate_dim,
            activation=activation,
            dropout=activation_dropout,
            initializer_stddev=BERT_STDDEV,
        )
        super().__init__(
            config,
            [dict(attention=attention, feed_forward=feed_forward, dropout=dropout)] * num_layers,
            order=norm,
            num_segments=num_segments,
            position_offset=position_offset,
            embedding_dim=embedding_dim,
            num_relative_buckets=num_relative_buckets,
            **kwargs,
        )
