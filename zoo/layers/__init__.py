"""Layers of the zoo.

Shape letters: B batch, T query length, S key length, H heads, D hidden (model) dimension, V vocabulary size.
"""

from zoo.layers.feed_forward import FeedForward
from zoo.layers.masked_language_model_head import MaskedLanguageModelHead
from zoo.layers.multi_head_attention import MultiHeadAttention
from zoo.layers.position_embedding import PositionEmbedding, sinusoidal_table
from zoo.layers.token_embedding import TokenEmbedding
from zoo.layers.transformer_block import TransformerCausalBlock, TransformerDecoderBlock, TransformerEncoderBlock

__all__ = [
    "FeedForward",
    "MaskedLanguageModelHead",
    "MultiHeadAttention",
    "PositionEmbedding",
    "TokenEmbedding",
    "TransformerCausalBlock",
    "TransformerDecoderBlock",
    "TransformerEncoderBlock",
    "sinusoidal_table",
]
