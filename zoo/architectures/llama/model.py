"""The decoder of Llama, and of Mistral, Qwen and SmolLM, which are configurations of it."""

from typing import Any

import keras

from zoo.layers.given_arguments import given_arguments
from zoo.layers.rotary_positions import RotaryPositions
from zoo.models.rotary_decoder import RotaryDecoder, one_for_each

SIZES = {
    # The sizes of the "stories" models, https://github.com/karpathy/llama2.c.
    "15m": dict(num_layers=6, hidden_dim=288, intermediate_dim=768, num_heads=6, vocabulary_size=32000),
    "42m": dict(num_layers=8, hidden_dim=512, intermediate_dim=1376, num_heads=8, vocabulary_size=32000),
    "110m": dict(num_layers=12, hidden_dim=768, intermediate_dim=2048, num_heads=12, vocabulary_size=32000),
    # SmolLM2, https://arxiv.org/abs/2502.02737.
    "135m": dict(
        num_layers=30,
        hidden_dim=576,
        intermediate_dim=1536,
        num_heads=9,
        num_key_value_heads=3,
        vocabulary_size=49152,
        max_sequence_length=8192,
        rotary_base=100000.0,
        norm_epsilon=1e-5,
        tied_embeddings=True,
    ),
    # Llama 3.2, https://arxiv.org/abs/2407.21783.
    "1b": dict(
        num_layers=16,
        hidden_dim=2048,
        intermediate_dim=8192,
        num_heads=32,
        num_key_value_heads=8,
        vocabulary_size=128256,
        max_sequence_length=131072,
        rotary_base=500000.0,
        rotary_scaling=dict(
            kind="llama3", factor=32.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_max_length=8192
        ),
        norm_epsilon=1e-5,
        tied_embeddings=True,
    ),
}


@keras.saving.register_keras_serializable(package="zoo")
class Llama(RotaryDecoder):
    """A decoder with rotary positions, root mean square normalisation and gated feed-forward networks.

    Initial weights are truncated normals of standard deviation 0.02.

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H, of queries.
        num_layers: Number of blocks.
        num_key_value_heads: Of keys and values; H if None.
        head_dim: Width of a head; D / H if None.
        max_sequence_length: Longest sequence, prompt and continuation together, in tokens.
        rotary_base: Of the frequencies of positions.
        rotary_scaling: Of `RotaryPositions`.
        rotary_share: Share of a head's entries that are rotated, from the first.
        rotary_layers: For each block whether its attention has rotary positions; None for all.
        windows: For each block how many positions it sees, or None for all; one number for all blocks; None without.
        attention_bias: Whether queries, keys and values have biases.
        output_bias: Whether attention's output has one; as `attention_bias` if None.
        feed_forward_bias: Whether feed-forward networks have biases.
        qk_norm: Whether queries and keys are normalised.
        activation: See `FeedForward`.
        norm_epsilon: Added to the mean square.
        tied_embeddings: Whether the table of token vectors is the output matrix too.
        dropout: Rate on embeddings and on the output of each sub-layer.
        attention_dropout: Rate on attention weights.

    Source: Touvron et al. 2023, https://arxiv.org/abs/2302.13971; Mistral: Jiang et al. 2023,
        https://arxiv.org/abs/2310.06825; Qwen3: Yang et al. 2025, https://arxiv.org/abs/2505.09388.

    Example:
        >>> model = Llama.from_size("15m", num_layers=2, vocabulary_size=100)
        >>> model({"token_ids": np.array([[5, 6, 2]])}).shape
        (1, 3, 100)
    """

    sizes = SIZES

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        intermediate_dim: int,
        num_heads: int,
        num_layers: int,
        num_key_value_heads: int | None = None,
        head_dim: int | None = None,
        max_sequence_length: int = 2048,
        rotary_base: float = 10000.0,
        rotary_scaling: dict[str, Any] | None = None,
        rotary_share: float = 1.0,
        rotary_layers: Any = None,
        windows: Any = None,
        attention_bias: bool = False,
        output_bias: bool | None = None,
        feed_forward_bias: bool = False,
        qk_norm: bool = False,
        activation: str = "swish",
        norm_epsilon: float = 1e-6,
        tied_embeddings: bool = False,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        **kwargs: Any,
    ):
        rotary_layers = None if rotary_layers is None else [bool(each) for each in rotary_layers]
        windows = list(windows) if isinstance(windows, (list, tuple)) else windows
        config = given_arguments(locals())
        rotated = int((head_dim or hidden_dim // num_heads) * rotary_share)
        positions = RotaryPositions(rotated, rotary_base, rotary_scaling)
        rotary_layers = one_for_each("rotary_layers", True if rotary_layers is None else rotary_layers, num_layers)
        attentions = [
            dict(
                use_bias=attention_bias,
                use_output_bias=output_bias,
                positions=positions if rotary else None,
                window=window,
            )
            for rotary, window in zip(rotary_layers, one_for_each("windows", windows, num_layers), strict=True)
        ]
        super().__init__(config, attentions, order="pre", feed_forward_bias=feed_forward_bias, **kwargs)
