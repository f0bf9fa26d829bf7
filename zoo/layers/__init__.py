"""Layers of the zoo.

Shape letters: B batch, T query length, S key length, H heads, D hidden (model) dimension, V vocabulary size.
"""

import zoo.layers.earlier_layers  # noqa: F401  registers the names that saved models may have
from zoo.layers.attention import Attention
from zoo.layers.feed_forward import FeedForward
from zoo.layers.masked_language_model_head import MaskedLanguageModelHead
from zoo.layers.position_embedding import PositionEmbedding, sinusoidal_table
from zoo.layers.projection import Projection
from zoo.layers.recomputation import Recomputable, recompute_blocks
from zoo.layers.relative_position_bias import RelativePositionBias
from zoo.layers.rms_norm import RMSNorm
from zoo.layers.rotary_positions import RotaryPositions
from zoo.layers.token_embedding import TokenEmbedding
from zoo.layers.transformer_block import TransformerBlock

__all__ = [
    "Attention",
    "FeedForward",
    "MaskedLanguageModelHead",
    "PositionEmbedding",
    "Projection",
    "RMSNorm",
    "Recomputable",
    "RelativePositionBias",
    "RotaryPositions",
    "TokenEmbedding",
    "TransformerBlock",
    "recompute_blocks",
    "sinusoidal_table",
]
