"""Layers of the zoo.

Shape letters: B batch, T query length, S key length, H heads, D hidden (model) dimension, V vocabulary size.
"""

from zoo.layers.biased_attention import BiasedAttention
from zoo.layers.feed_forward import FeedForward
from zoo.layers.masked_language_model_head import MaskedLanguageModelHead
from zoo.layers.multi_head_attention import MultiHeadAttention
from zoo.layers.position_embedding import PositionEmbedding, sinusoidal_table
from zoo.layers.projection import Projection
from zoo.layers.recomputation import Recomputable, recompute_blocks
from zoo.layers.relative_position_bias import RelativePositionBias
from zoo.layers.t5_block import T5Block
from zoo.layers.token_embedding import TokenEmbedding
from zoo.layers.transformer_block import TransformerCausalBlock, TransformerDecoderBlock, TransformerEncoderBlock

__all__ = [
    "BiasedAttention",
    "FeedForward",
    "MaskedLanguageModelHead",
    "MultiHeadAttention",
    "PositionEmbedding",
    "Projection",
    "Recomputable",
    "RelativePositionBias",
    "T5Block",
    "TokenEmbedding",
    "TransformerCausalBlock",
    "TransformerDecoderBlock",
    "TransformerEncoderBlock",
    "recompute_blocks",
    "sinusoidal_table",
]
