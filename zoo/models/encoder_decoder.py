"""The encoder-decoder Transformer."""

from typing import Any

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers import PositionEmbedding, TokenEmbedding, TransformerBlock
from zoo.layers.given_arguments import given_arguments
from zoo.layers.partition import Division, entries
from zoo.models.sequence_to_sequence import SequenceToSequenceModel

TIED_EMBEDDINGS = ("all", "target", "none")


def _size(num_layers, **arguments):
    return {"num_encoder_layers": num_layers, "num_decoder_layers": num_layers, **arguments}


SIZES: dict[str, dict[str, Any]] = {
    # Wu et al. 2021, https://arxiv.org/abs/2105.14462, the size that suits Multi30k.
    "tiny": _size(4, hidden_dim=128, intermediate_dim=256, num_heads=4, dropout=0.3),
    # The IWSLT size of fairseq's transformer_iwslt_de_en.
    "small": _size(6, hidden_dim=512, intermediate_dim=1024, num_heads=4, dropout=0.3),
    # Vaswani et al. 2017, table 3.
    "base": _size(6, hidden_dim=512, intermediate_dim=2048, num_heads=8, dropout=0.1),
    "big": _size(6, hidden_dim=1024, intermediate_dim=4096, num_heads=16, dropout=0.3),
}


@keras.saving.register_keras_serializable(package="zoo")
class EncoderDecoder(SequenceToSequenceModel):
    """A Transformer from source tokens to target tokens; see `SequenceToSequenceModel`.

    Args:
        source_vocabulary_size: Number of source tokens.
        target_vocabulary_size: V, number of target tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks, of the encoder's alone if the decoder has another.
        num_heads: H, likewise.
        num_encoder_layers, num_decoder_layers: Numbers of blocks.
        dropout: Rate on embeddings and on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        activation: See `FeedForward`.
        activation_dropout: Rate inside the feed-forward networks.
        norm: "post" or "pre"; pre-norm adds a final normalisation to encoder and decoder.
        positions: "sinusoidal", "sinusoidal_as_published" or "learned"; see `PositionEmbedding`.
        max_sequence_length: Longest source and target, in tokens.
        tied_embeddings: "all" (source, target and output share one table; needs one joint vocabulary), "target"
            (target and output share) or "none".
        layer_norm_epsilon: Added to the variance in every normalisation.
        scale_embedding: Whether token vectors are multiplied by sqrt(D), as published.
        embedding_norm: Whether the sum of token and position vectors is normalised, as in BART.
        position_offset: Rows before that of position 0 in the tables of positions: 2 in BART, else 0.
        logits_bias: Whether a bias is added to the logits. It is kept and not trained.
        decoder_intermediate_dim: Width of the decoder's feed-forward networks; `intermediate_dim` if None.
        num_decoder_heads: Heads in the decoder; `num_heads` if None.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; BART: Lewis et al. 2020,
    https://arxiv.org/abs/1910.13461.

    Example:
        >>> model = EncoderDecoder.from_size("tiny", source_vocabulary_size=100, target_vocabulary_size=100)
        >>> ids = np.array([[5, 6, 2]])
        >>> model({"source_token_ids": ids, "source_padding_mask": ids > 0, "target_token_ids": ids}).shape
        (1, 3, 100)
    """

    sizes = SIZES

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        hidden_dim: int = 512,
        intermediate_dim: int = 2048,
        num_heads: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation: str = "relu",
        activation_dropout: float = 0.0,
        norm: str = "post",
        positions: Any = "sinusoidal",
        max_sequence_length: int = 512,
        tied_embeddings: str = "all",
        layer_norm_epsilon: float = 1e-5,
        scale_embedding: bool = True,
        embedding_norm: bool = False,
        position_offset: int = 0,
        logits_bias: bool = False,
        decoder_intermediate_dim: int | None = None,
        num_decoder_heads: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if tied_embeddings not in TIED_EMBEDDINGS:
            raise UserError(f"tied_embeddings must be one of {', '.join(TIED_EMBEDDINGS)}, got {tied_embeddings!r}")
        if tied_embeddings == "all" and source_vocabulary_size != target_vocabulary_size:
            raise UserError(
                'tied_embeddings="all" needs one joint vocabulary, got '
                f"{source_vocabulary_size} source and {target_vocabulary_size} target tokens"
            )
        if norm not in ("post", "pre"):
            raise UserError(f"norm must be one of post, pre, got {norm!r}")
        self._config = given_arguments(locals())
        self.hidden_dim = hidden_dim
        self.max_sequence_length = max_sequence_length
        self.source_vocabulary_size = source_vocabulary_size
        self.target_vocabulary_size = target_vocabulary_size
        self.logits_bias = None

        def embedding(vocabulary_size, name):
            return TokenEmbedding(
                vocabulary_size, hidden_dim, scale=scale_embedding, dtype=self.dtype_policy, name=name
            )

        self.target_embedding = embedding(target_vocabulary_size, "target_embedding")
        self.source_embedding = (
            self.target_embedding if tied_embeddings == "all" else embedding(source_vocabulary_size, "source_embedding")
        )
        self.output_embedding = (
            embedding(target_vocabulary_size, "output_embedding")
            if tied_embeddings == "none"
            else self.target_embedding
        )
        self.source_positions, self.target_positions = (
            PositionEmbedding(max_sequence_length, positions, position_offset, dtype=self.dtype_policy, name=name)
            for name in ("source_positions", "target_positions")
        )

        def blocks(side, number, num_heads, intermediate_dim, **kind):
            return [
                TransformerBlock(
                    hidden_dim,
                    dict(num_heads=num_heads, dropout=attention_dropout),
                    dict(intermediate_dim=intermediate_dim, activation=activation, dropout=activation_dropout),
                    dropout=dropout,
                    order=norm,
                    norm_epsilon=layer_norm_epsilon,
                    **kind,
                    dtype=self.dtype_policy,
                    name=f"{side}_block_{i}",
                )
                for i in range(number)
            ]

        self.encoder_blocks = blocks("encoder", num_encoder_layers, num_heads, intermediate_dim)
        self.decoder_blocks = blocks(
            "decoder",
            num_decoder_layers,
            num_decoder_heads or num_heads,
            decoder_intermediate_dim or intermediate_dim,
            causal=True,
            cross_attention=True,
        )

        def norms(present, *names):
            return (
                keras.layers.LayerNormalization(epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name=name)
                if present
                else None
                for name in names
            )

        self.encoder_norm, self.decoder_norm = norms(norm == "pre", "encoder_norm", "decoder_norm")
        self.source_embedding_norm, self.target_embedding_norm = norms(
            embedding_norm, "source_embedding_norm", "target_embedding_norm"
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        hidden = (None, None, self.hidden_dim)
        for embedding in (self.target_embedding, self.source_embedding, self.output_embedding):
            if not embedding.built:
                embedding.build((None, None))
        for layer in (self.source_positions, self.target_positions, *self.encoder_blocks, *self.decoder_blocks):
            layer.build(hidden)
        for norm in (self.encoder_norm, self.decoder_norm, self.source_embedding_norm, self.target_embedding_norm):
            if norm is not None:
                norm.build(hidden)
        if self._config["logits_bias"]:
            self.logits_bias = self.add_weight(
                name="logits_bias", shape=(self.target_vocabulary_size,), initializer="zeros", trainable=False
            )
        self.built = True

    def partition(self) -> dict[str, Division]:
        """See `Partitioned`."""
        return {"logits_bias": entries("vocabulary_size")}

    def looked_up(self, side: str) -> tuple:
        """See `SequenceToSequenceModel`."""
        if side == "source":
            return self.source_embedding, self.source_positions, self.source_embedding_norm
        return self.target_embedding, self.target_positions, self.target_embedding_norm

    def embed_source(self, token_ids: Any, training: bool | None = None) -> Any:
        """See `SequenceToSequenceModel`."""
        x = self.source_positions(self.source_embedding(token_ids))
        return self._embedded(x, self.source_embedding_norm, training)

    def embed_target(self, token_ids: Any, index: Any = None, training: bool | None = None) -> Any:
        """See `SequenceToSequenceModel`."""
        x = self.target_embedding(token_ids)
        x = self.target_positions(x) if index is None else self.target_positions.at(x, index)
        return self._embedded(x, self.target_embedding_norm, training)

    def _embedded(self, x, norm, training):
        """What the first block reads of the sum of token and position vectors."""
        return self.dropout(x if norm is None else norm(x), training=training)

    def logits(self, x: Any, output_matrix: Any = None, training: bool | None = None) -> Any:
        """float32 logits of the last block's output."""
        logits = super().logits(x, output_matrix)
        return logits if self.logits_bias is None else logits + ops.cast(self.logits_bias, "float32")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
