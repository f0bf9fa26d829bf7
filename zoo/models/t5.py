"""T5, the text-to-text encoder-decoder, of version 1.0 and of 1.1."""

import keras
from keras import ops

from zoo.layers import RelativePositionBias, T5Block, TokenEmbedding
from zoo.layers.key_value_cache import step_place
from zoo.models.sequence_to_sequence import SequenceToSequenceModel

_HIDDEN = -1e9


@keras.saving.register_keras_serializable(package="zoo")
class T5(SequenceToSequenceModel):
    """A Transformer from source tokens to target tokens that knows positions by their distance alone.

    Called on whole sequences it returns logits for training; `encode`, `start_cache` and `decode_step` serve
    `zoo.generation`, one token at a time with a static key-value cache, as those of `EncoderDecoder` do.

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

    def __init__(
        self,
        vocabulary_size,
        hidden_dim=512,
        intermediate_dim=2048,
        num_heads=8,
        head_dim=64,
        num_encoder_layers=6,
        num_decoder_layers=6,
        dropout=0.1,
        activation="relu",
        gated=False,
        num_buckets=32,
        max_distance=128,
        norm_epsilon=1e-6,
        tied_embeddings=True,
        scale_logits=True,
        max_sequence_length=512,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = dict(
            vocabulary_size=vocabulary_size,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            head_dim=head_dim,
            num_encoder_layers=num_encoder_layers,
            num_decoder_layers=num_decoder_layers,
            dropout=dropout,
            activation=activation,
            gated=gated,
            num_buckets=num_buckets,
            max_distance=max_distance,
            norm_epsilon=norm_epsilon,
            tied_embeddings=tied_embeddings,
            scale_logits=scale_logits,
            max_sequence_length=max_sequence_length,
        )
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
        block = dict(
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            head_dim=head_dim,
            activation=activation,
            gated=gated,
            dropout=dropout,
            norm_epsilon=norm_epsilon,
            **dtype,
        )
        self.encoder_blocks = [T5Block(**block, name=f"encoder_block_{i}") for i in range(num_encoder_layers)]
        self.decoder_blocks = [
            T5Block(**block, decoder=True, name=f"decoder_block_{i}") for i in range(num_decoder_layers)
        ]
        self.encoder_norm, self.decoder_norm = (
            keras.layers.RMSNormalization(epsilon=norm_epsilon, **dtype, name=name)
            for name in ("encoder_norm", "decoder_norm")
        )
        self.dropout = keras.layers.Dropout(dropout, **dtype, name="dropout")

    def build(self, input_shape=None):
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

    def _logits(self, x, output_matrix=None, training=False):
        """float32 logits of the last block's output."""
        x = self.dropout(self.decoder_norm(x), training=training)
        return self.output_embedding.logits(x * self.logit_scale, output_matrix)

    def encode(self, source_token_ids, source_padding_mask, training=None):
        """Encodes int32 `[B, S]` to float `[B, S, D]`; the mask is bool or int `[B, S]`, True for real tokens."""
        if not self.built:
            self.build()
        x = self.dropout(self.token_embedding(source_token_ids), training=training)
        positions = ops.arange(ops.shape(source_token_ids)[1])
        bias = self.encoder_bias(positions, positions) + _source_bias(source_padding_mask)
        for block in self.encoder_blocks:
            x = block(x, bias, training=training)
        return self.dropout(self.encoder_norm(x), training=training)

    def decode(self, target_token_ids, encoded, source_padding_mask, training=None):
        """float32 logits `[B, T, V]` for the token after each position of int32 `[B, T]`."""
        x = self.dropout(self.token_embedding(target_token_ids), training=training)
        positions = ops.arange(ops.shape(target_token_ids)[1])
        later = ops.where(positions[None, :] > positions[:, None], _HIDDEN, 0.0)
        bias = self.decoder_bias(positions, positions) + later
        source_bias = _source_bias(source_padding_mask)
        for block in self.decoder_blocks:
            x = block(x, bias, encoded, source_bias, training=training)
        return self._logits(x, training=training)

    def decode_step(self, token_ids, index, cache, cross_cache, source_padding_mask, output_matrix=None):
        """Logits for the next token of each of N = B * K hypotheses; see `EncoderDecoder.decode_step`."""
        x = self.token_embedding(token_ids)
        place = step_place(cache[0][0], index)
        positions = ops.arange(ops.shape(cache[0][0])[2])
        bias = self.decoder_bias(ops.reshape(ops.cast(index, "int32"), (1,)), positions)
        bias = bias + ops.where(place.visible, 0.0, _HIDDEN)
        source_bias = _source_bias(source_padding_mask)
        new_cache = []
        for block, block_cache, block_cross_cache in zip(self.decoder_blocks, cache, cross_cache, strict=True):
            x, block_cache = block.step(x, place, block_cache, bias, block_cross_cache, source_bias)
            new_cache.append(block_cache)
        return self._logits(x, output_matrix), tuple(new_cache)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}


def _source_bias(padding_mask):
    """float32 `[B, 1, 1, S]` that hides padding."""
    return ops.where(ops.cast(padding_mask, "bool"), 0.0, _HIDDEN)[:, None, None, :]
