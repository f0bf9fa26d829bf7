"""T5, the text-to-text encoder-decoder, of version 1.0 and of 1.1."""

from typing import Any

import keras
from keras import ops

from zoo.layers import RelativePositionBias, RMSNorm, TokenEmbedding, TransformerBlock
from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import FAN_IN
from zoo.models.sequence_to_sequence import SequenceToSequenceModel

_HIDDEN = -1e9
# Raffel et al. 2020, section 3.4.
SIZES: dict[str, dict[str, Any]] = {
    name: dict(
        vocabulary_size=32128,
        hidden_dim=hidden_dim,
        intermediate_dim=intermediate_dim,
        num_heads=num_heads,
        head_dim=head_dim,
        num_encoder_layers=num_layers,
        num_decoder_layers=num_layers,
    )
    for name, hidden_dim, intermediate_dim, num_heads, head_dim, num_layers in (
        ("small", 512, 2048, 8, 64, 6),
        ("base", 768, 3072, 12, 64, 12),
        ("large", 1024, 4096, 16, 64, 24),
        ("3b", 1024, 16384, 32, 128, 24),
        ("11b", 1024, 65536, 128, 128, 24),
    )
}


@keras.saving.register_keras_serializable(package="zoo")
class T5(SequenceToSequenceModel):
    """A Transformer from source tokens to target tokens that knows positions by their distance alone.

    See `SequenceToSequenceModel`.

    Args:
        vocabulary_size: V, of source and target.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        head_dim: K, width of a head; H * K need not be D.
        num_encoder_layers, num_decoder_layers: Numbers of blocks.
        dropout: Rate on embeddings, outputs of sub-layers, attention weights and inside feed-forward networks.
        activation: See `FeedForward`: "relu" in version 1.0, "gelu_approximate" in 1.1.
        gated: Whether the feed-forward networks are gated, as in 1.1.
        num_buckets, max_distance: See `RelativePositionBias`.
        norm_epsilon: Added to the mean square in every normalisation.
        tied_embeddings: Whether the output matrix is the table of token vectors, as in 1.0.
        scale_logits: Whether what the output matrix reads is scaled by D ** -0.5, as where it is tied.
        max_sequence_length: Longest source and target, in tokens, that tasks keep to; the model itself has no limit.

    Source: Raffel et al. 2020, https://arxiv.org/abs/1910.10683.

    Example:
        >>> model = T5(vocabulary_size=100, hidden_dim=32, intermediate_dim=64, num_heads=2, head_dim=16)
        >>> ids = np.array([[5, 6, 1]])
        >>> model({"source_token_ids": ids, "source_padding_mask": ids > 0, "target_token_ids": ids}).shape
        (1, 3, 100)
    """

    sizes = SIZES

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 512,
        intermediate_dim: int = 2048,
        num_heads: int = 8,
        head_dim: int | None = 64,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dropout: float = 0.1,
        activation: str = "relu",
        gated: bool = False,
        num_buckets: int = 32,
        max_distance: int = 128,
        norm_epsilon: float = 1e-6,
        tied_embeddings: bool = True,
        scale_logits: bool = True,
        max_sequence_length: int = 512,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._config = given_arguments(locals())
        self.hidden_dim = hidden_dim
        self.max_sequence_length = max_sequence_length
        self.source_vocabulary_size = self.target_vocabulary_size = vocabulary_size
        self.logit_scale = hidden_dim**-0.5 if scale_logits else 1.0
        dtype = {"dtype": self.dtype_policy}
        self.token_embedding = TokenEmbedding(
            vocabulary_size, hidden_dim, initializer_stddev=1.0, **dtype, name="token_embedding"
        )
        self.output_embedding = (
            self.token_embedding
            if tied_embeddings
            else TokenEmbedding(vocabulary_size, hidden_dim, **dtype, name="output_embedding")
        )
        self.encoder_bias, self.decoder_bias = (
            RelativePositionBias(num_heads, num_buckets, max_distance, bidirectional, **dtype, name=name)
            for name, bidirectional in (("encoder_bias", True), ("decoder_bias", False))
        )

        def blocks(side, number, **kind):
            return [
                TransformerBlock(
                    hidden_dim,
                    dict(
                        num_heads=num_heads,
                        head_dim=head_dim,
                        use_bias=False,
                        scale=1.0,
                        dropout=dropout,
                        initializer_stddev=FAN_IN,
                    ),
                    dict(
                        intermediate_dim=intermediate_dim,
                        activation=activation,
                        gated=gated,
                        use_bias=False,
                        dropout=dropout,
                        initializer_stddev=FAN_IN,
                    ),
                    dropout=dropout,
                    norm="rms",
                    order="pre",
                    norm_epsilon=norm_epsilon,
                    **kind,
                    **dtype,
                    name=f"{side}_block_{i}",
                )
                for i in range(number)
            ]

        self.encoder_blocks = blocks("encoder", num_encoder_layers)
        self.decoder_blocks = blocks("decoder", num_decoder_layers, causal=True, cross_attention=True)
        self.encoder_norm, self.decoder_norm = (
            RMSNorm(norm_epsilon, **dtype, name=name) for name in ("encoder_norm", "decoder_norm")
        )
        self.dropout = keras.layers.Dropout(dropout, **dtype, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        hidden = (None, None, self.hidden_dim)
        for embedding in (self.token_embedding, self.output_embedding):
            if not embedding.built:
                embedding.build((None, None))
        for layer in (self.encoder_bias, self.decoder_bias):
            layer.build()
        for layer in (*self.encoder_blocks, *self.decoder_blocks, self.encoder_norm, self.decoder_norm):
            layer.build(hidden)
        self.built = True

    def looked_up(self, side: str) -> tuple:
        """See `SequenceToSequenceModel`."""
        return self.token_embedding, self.encoder_bias if side == "source" else self.decoder_bias

    def embed_source(self, token_ids: Any, training: bool | None = None) -> Any:
        """See `SequenceToSequenceModel`."""
        return self.dropout(self.token_embedding(token_ids), training=training)

    def embed_target(self, token_ids: Any, index: Any = None, training: bool | None = None) -> Any:
        """See `SequenceToSequenceModel`."""
        return self.dropout(self.token_embedding(token_ids), training=training)

    def encode(self, source_token_ids: Any, source_padding_mask: Any, training: bool | None = None) -> Any:
        """See `SequenceToSequenceModel`."""
        encoded = super().encode(source_token_ids, source_padding_mask, training)
        return self.dropout(encoded, training=training)

    def logits(self, x: Any, output_matrix: Any = None, training: bool | None = None) -> Any:
        """float32 logits of the last block's output."""
        x = self.dropout(self.decoder_norm(x), training=training)
        return self.output_embedding.logits(x * self.logit_scale, output_matrix)

    def source_bias(self, padding_mask: Any) -> Any:
        """See `SequenceToSequenceModel`."""
        positions = ops.arange(ops.shape(padding_mask)[1])
        visible = ops.cast(padding_mask, "bool")[:, None, None, :]
        return self.encoder_bias(positions, positions) + ops.where(visible, 0.0, _HIDDEN)

    def target_bias(self, length: Any) -> Any:
        """See `SequenceToSequenceModel`."""
        positions = ops.arange(length)
        return self.decoder_bias(positions, positions)

    def step_bias(self, index: Any, position: Any) -> Any:
        """See `SequenceToSequenceModel`."""
        positions = ops.arange(ops.shape(position.visible)[3])
        bias = self.decoder_bias(ops.reshape(ops.cast(index, "int32"), (1,)), positions)
        return bias + ops.where(position.visible, 0.0, _HIDDEN)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
