"""The decoder of Gemma 2 and of the text of Gemma 3."""

from typing import Any

import keras
from keras import ops

from zoo.layers.given_arguments import given_arguments
from zoo.layers.rotary_positions import RotaryPositions
from zoo.models.rotary_decoder import RotaryDecoder, one_for_each

SIZES = {
    # Gemma 3, https://arxiv.org/abs/2503.19786.
    "270m": dict(
        num_layers=18,
        hidden_dim=640,
        intermediate_dim=2048,
        num_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        vocabulary_size=262144,
        max_sequence_length=32768,
        scale=256**-0.5,
        windows=[None if (i + 1) % 6 == 0 else 512 for i in range(18)],
        full_rotary_base=1000000.0,
        qk_norm=True,
    ),
    # Gemma 2, https://arxiv.org/abs/2408.00118.
    "2b": dict(
        num_layers=26,
        hidden_dim=2304,
        intermediate_dim=9216,
        num_heads=8,
        num_key_value_heads=4,
        head_dim=256,
        vocabulary_size=256000,
        max_sequence_length=8192,
        scale=256**-0.5,
        windows=[4096, None] * 13,
        attention_softcap=50.0,
        logits_softcap=30.0,
    ),
}


@keras.saving.register_keras_serializable(package="zoo")
class Gemma(RotaryDecoder):
    """A decoder whose blocks normalise what each sub-layer reads and what it gives, with windows in most of them.

    Token vectors are multiplied by sqrt(D), and the weights of normalisations are counted from 1.

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H, of queries.
        num_layers: Number of blocks.
        num_key_value_heads: Of keys and values; H if None.
        head_dim: Width of a head; D / H if None.
        max_sequence_length: Longest sequence, prompt and continuation together, in tokens.
        windows: For each block how many positions it sees, or None for all; None for blocks without.
        rotary_base: Of the frequencies of positions in blocks with a window.
        full_rotary_base: Of those in the other blocks; as `rotary_base` if None.
        rotary_scaling: Of `RotaryPositions` in blocks with a window.
        full_rotary_scaling: Of those in the other blocks.
        scale: Factor of the logits of attention; one over the root of the width of a head if None.
        attention_softcap, logits_softcap: Limits of the logits of attention and of tokens; None without.
        qk_norm: Whether queries and keys are normalised.
        attention_bias: Whether attention's projections have biases.
        activation: See `FeedForward`.
        norm_epsilon: Added to the mean square.
        tied_embeddings: Whether the table of token vectors is the output matrix too.
        dropout: Rate on embeddings and on the output of each sub-layer.
        attention_dropout: Rate on attention weights.

    Source: Gemma Team 2024, https://arxiv.org/abs/2408.00118; Gemma 3: 2025, https://arxiv.org/abs/2503.19786.

    Example:
        >>> model = Gemma.from_size("270m", num_layers=2, windows=[16, None], vocabulary_size=100)
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
        max_sequence_length: int = 8192,
        windows: Any = None,
        rotary_base: float = 10000.0,
        full_rotary_base: float | None = None,
        rotary_scaling: dict[str, Any] | None = None,
        full_rotary_scaling: dict[str, Any] | None = None,
        scale: float | None = None,
        attention_softcap: float | None = None,
        logits_softcap: float | None = None,
        qk_norm: bool = False,
        attention_bias: bool = False,
        activation: str = "gelu_approximate",
        norm_epsilon: float = 1e-6,
        tied_embeddings: bool = True,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        **kwargs: Any,
    ):
        windows = None if windows is None else one_for_each("windows", list(windows), num_layers)
        config = given_arguments(locals())
        width = head_dim or hidden_dim // num_heads
        local = RotaryPositions(width, rotary_base, rotary_scaling)
        everywhere = RotaryPositions(width, full_rotary_base or rotary_base, full_rotary_scaling)
        attentions = [
            dict(
                use_bias=attention_bias,
                positions=everywhere if window is None else local,
                window=window,
                softcap=attention_softcap,
                scale=scale,
            )
            for window in one_for_each("windows", windows, num_layers)
        ]
        super().__init__(config, attentions, order="both", scale_embedding=True, norm_unit_offset=True, **kwargs)
        self.logits_softcap = logits_softcap

    def logits(self, x, output_matrix=None):
        """float32 logits of the last block's output, within their limit."""
        logits = super().logits(x, output_matrix)
        if self.logits_softcap is None:
            return logits
        return ops.tanh(logits / self.logits_softcap) * self.logits_softcap
