"""ModernBERT, an encoder with rotary positions, gated feed-forward networks and windows in two of three blocks."""

from typing import Any

import keras

from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import BERT_STDDEV
from zoo.layers.rotary_positions import RotaryPositions
from zoo.models.encoder_model import EncoderModel
from zoo.models.rotary_decoder import one_for_each

# Warner et al. 2024, table 4.
SIZES = {
    "base": dict(num_layers=22, hidden_dim=768, intermediate_dim=1152, num_heads=12),
    "large": dict(num_layers=28, hidden_dim=1024, intermediate_dim=2624, num_heads=16),
}


@keras.saving.register_keras_serializable(package="zoo")
class ModernBert(EncoderModel):
    """An encoder that normalises what each sub-layer reads, without vectors of positions and segments.

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        num_layers: Number of blocks.
        max_sequence_length: Longest sequence, in tokens.
        windows: For each block how many positions it sees, itself and those right before it and as many after it, or
            None for all; None for the published pattern, in which two of three blocks see 65 and the first sees all.
        rotary_base, rotary_scaling: Of positions in blocks without a window; see `RotaryPositions`.
        window_rotary_base, window_rotary_scaling: In blocks with one.
        activation: See `FeedForward`.
        attention_bias, feed_forward_bias, norm_bias: Whether those layers have biases.
        dropout: Rate on what the first block reads.
        attention_dropout: Rate on attention weights.
        activation_dropout: Rate inside the feed-forward networks.
        pooler: Whether there is a dense tanh layer over the first position; the published ones have none.
        layer_norm_epsilon: Added to the variance in every normalisation.

    Source: Warner et al. 2024, https://arxiv.org/abs/2412.13663.

    Example:
        >>> encoder = ModernBert.from_size("base", vocabulary_size=100, num_layers=3)
        >>> ids = np.array([[5, 6, 2]])
        >>> encoder({"token_ids": ids, "padding_mask": ids > 0})["hidden_states"].shape
        (1, 3, 768)
    """

    sizes = SIZES

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 768,
        intermediate_dim: int = 1152,
        num_heads: int = 12,
        num_layers: int = 22,
        max_sequence_length: int = 8192,
        windows: Any = None,
        rotary_base: float = 160000.0,
        rotary_scaling: dict[str, Any] | None = None,
        window_rotary_base: float = 10000.0,
        window_rotary_scaling: dict[str, Any] | None = None,
        activation: str = "gelu",
        attention_bias: bool = False,
        feed_forward_bias: bool = False,
        norm_bias: bool = False,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        pooler: bool = False,
        layer_norm_epsilon: float = 1e-5,
        **kwargs: Any,
    ):
        windows = [65 if i % 3 else None for i in range(num_layers)] if windows is None else list(windows)
        config = given_arguments(locals())
        head_dim = hidden_dim // num_heads
        positions = RotaryPositions(head_dim, rotary_base, rotary_scaling)
        window_positions = RotaryPositions(head_dim, window_rotary_base, window_rotary_scaling)
        feed_forward = dict(
            intermediate_dim=intermediate_dim,
            activation=activation,
            gated=True,
            use_bias=feed_forward_bias,
            dropout=activation_dropout,
            initializer_stddev=BERT_STDDEV,
        )
        blocks = [
            dict(
                attention=dict(
                    num_heads=num_heads,
                    use_bias=attention_bias,
                    positions=positions if window is None else window_positions,
                    window=window,
                    dropout=attention_dropout,
                    initializer_stddev=BERT_STDDEV,
                ),
                feed_forward=feed_forward,
                # What the first block reads is normalised as it comes out of the embeddings.
                first_norm=i > 0,
            )
            for i, window in enumerate(one_for_each("windows", windows, num_layers))
        ]
        super().__init__(
            config, blocks, order="pre", positions=False, embedding_norm=True, norm_bias=norm_bias, **kwargs
        )
