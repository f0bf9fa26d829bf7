"""ALBERT, an encoder whose layers share their weights and whose vectors of tokens are narrow."""

from typing import Any

import keras

from zoo.errors import UserError
from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import BERT_STDDEV
from zoo.models.encoder_model import EncoderModel

# Lan et al. 2020, table 1.
SIZES = {
    "base": dict(num_layers=12, hidden_dim=768, intermediate_dim=3072, num_heads=12),
    "large": dict(num_layers=24, hidden_dim=1024, intermediate_dim=4096, num_heads=16),
    "xlarge": dict(num_layers=24, hidden_dim=2048, intermediate_dim=8192, num_heads=16),
    "xxlarge": dict(num_layers=12, hidden_dim=4096, intermediate_dim=16384, num_heads=64),
}


@keras.saving.register_keras_serializable(package="zoo")
class Albert(EncoderModel):
    """An encoder that goes through the same blocks again and again.

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        num_layers: How many layers there are; each goes through all the blocks of its group.
        num_groups: Groups of blocks; as many layers after one another as there are to a group share one.
        group_blocks: Blocks of a group.
        embedding_dim: Width of the vectors of tokens, segments and positions, which are projected to D.
        max_sequence_length: Longest sequence, in tokens.
        num_segments: Kinds of segments there are vectors for.
        activation: See `FeedForward`.
        dropout: Rate on embeddings and on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        pooler: Whether there is a dense tanh layer over the first position.
        layer_norm_epsilon: Added to the variance in every normalisation.

    Source: Lan et al. 2020, https://arxiv.org/abs/1909.11942.

    Example:
        >>> encoder = Albert.from_size("base", vocabulary_size=100)
        >>> ids = np.array([[5, 6, 3]])
        >>> encoder({"token_ids": ids, "padding_mask": ids > 0})["hidden_states"].shape
        (1, 3, 768)
    """

    sizes = SIZES

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 768,
        intermediate_dim: int = 3072,
        num_heads: int = 12,
        num_layers: int = 12,
        num_groups: int = 1,
        group_blocks: int = 1,
        embedding_dim: int = 128,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        activation: str = "gelu_approximate",
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        pooler: bool = True,
        layer_norm_epsilon: float = 1e-12,
        **kwargs: Any,
    ):
        config = given_arguments(locals())
        if min(num_groups, group_blocks) < 1:
            raise UserError(f"num_groups and group_blocks must be at least 1, got {num_groups} and {group_blocks}")
        block = dict(
            attention=dict(num_heads=num_heads, dropout=attention_dropout, initializer_stddev=BERT_STDDEV),
            feed_forward=dict(intermediate_dim=intermediate_dim, activation=activation, initializer_stddev=BERT_STDDEV),
            dropout=dropout,
        )
        groups = [int(layer / (num_layers / num_groups)) for layer in range(num_layers)]
        super().__init__(
            config,
            [block] * (num_groups * group_blocks),
            passes=[group * group_blocks + i for group in groups for i in range(group_blocks)],
            num_segments=num_segments,
            embedding_dim=embedding_dim,
            projected_embedding=True,
            **kwargs,
        )
