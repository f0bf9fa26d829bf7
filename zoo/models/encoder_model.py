"""What encoders of every family are made of: embeddings, blocks, and perhaps a pooler."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.layers import PositionEmbedding, Projection, TokenEmbedding, TransformerBlock
from zoo.layers.flops import Vectors, flops_in_turn
from zoo.layers.initializers import BERT_STDDEV, projection_initializer
from zoo.layers.partition import columns
from zoo.layers.relative_position_bias import RelativePositionBias
from zoo.layers.rms_norm import normalization
from zoo.layers.rotary_positions import shared_rotations
from zoo.models.transformer_model import TransformerModel


class EncoderModel(TransformerModel):
    """A Transformer that turns tokens into vectors that know their context.

    Args:
        config: The arguments of the subclass by name, which `get_config` gives back. Those that all have are
            `vocabulary_size`, `hidden_dim`, `num_layers`, `max_sequence_length`, `activation`, `dropout`, `pooler` and
            `layer_norm_epsilon`.
        blocks: For each block a dict of arguments of `TransformerBlock`, but for those that all have.
        order: Of `TransformerBlock`.
        num_segments: Kinds of segments there are vectors for; 0 for none.
        positions: Whether there are vectors of positions.
        position_offset: See `PositionEmbedding`.
        embedding_dim: Width of the vectors of tokens, segments and positions, projected to D if it is another; D if
            None.
        embedding_norm: Whether what the first block reads is normalised; as `order` wants it if None.
        embedding_dropout: Rate on that; as everywhere if None.
        norm_bias: Whether normalisation adds a bias.
        num_relative_buckets: Ranges of distances that logits of attention have a learned bias for, the same in all
            blocks; 0 for none. See `RelativePositionBias`.
        passes: The blocks by index in the order in which a sequence goes through them, some perhaps several times; each
            once if None.
        projected_embedding: Whether vectors of tokens are projected to D; where they have another width if None.

    Attributes:
        passes: tuple of int, as given or made.
    """

    def __init__(
        self,
        config: dict[str, Any],
        blocks: list[dict[str, Any]],
        order: str = "post",
        num_segments: int = 0,
        positions: bool = True,
        position_offset: int = 0,
        embedding_dim: int | None = None,
        embedding_norm: bool | None = None,
        embedding_dropout: float | None = None,
        norm_bias: bool = True,
        num_relative_buckets: int = 0,
        passes: Sequence[int] | None = None,
        projected_embedding: bool | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._config = config
        self.vocabulary_size = config["vocabulary_size"]
        self.hidden_dim = config["hidden_dim"]
        self.embedding_dim = embedding_dim or self.hidden_dim
        self.num_layers = config["num_layers"]
        self.max_sequence_length = config["max_sequence_length"]
        self.num_segments = num_segments
        self.activation_name = config["activation"]
        self.layer_norm_epsilon = config["layer_norm_epsilon"]
        self.norm_bias = norm_bias

        def embedding(size, name, divided=True):
            return TokenEmbedding(
                size,
                self.embedding_dim,
                initializer_stddev=BERT_STDDEV,
                divided=divided,
                dtype=self.dtype_policy,
                name=name,
            )

        self.token_embedding = embedding(self.vocabulary_size, "token_embedding")
        self.segment_embedding = embedding(num_segments, "segment_embedding", divided=False) if num_segments else None
        self.position_embedding = (
            PositionEmbedding(
                self.max_sequence_length,
                "learned",
                position_offset,
                BERT_STDDEV,
                dtype=self.dtype_policy,
                name="position_embedding",
            )
            if positions
            else None
        )
        self.encoder_blocks = [
            TransformerBlock(
                self.hidden_dim,
                order=order,
                norm_epsilon=self.layer_norm_epsilon,
                norm_bias=norm_bias,
                **block,
                dtype=self.dtype_policy,
                name=f"encoder_block_{i}",
            )
            for i, block in enumerate(blocks)
        ]
        self.passes = tuple(range(len(blocks)) if passes is None else passes)
        embedding_norm = order == "post" if embedding_norm is None else embedding_norm
        self.embedding_norm, self.final_norm = (
            normalization("layer", self.layer_norm_epsilon, norm_bias, dtype=self.dtype_policy, name=name)
            if there
            else None
            for name, there in (("embedding_norm", embedding_norm), ("final_norm", order == "pre"))
        )
        rate = config["dropout"] if embedding_dropout is None else embedding_dropout
        self.dropout = keras.layers.Dropout(rate, dtype=self.dtype_policy, name="dropout")
        self.pooler = self._projection("pooler", activation="tanh") if config["pooler"] else None
        narrow = self.embedding_dim != self.hidden_dim
        projected = narrow if projected_embedding is None else projected_embedding
        self.embedding_projection = self._projection("embedding_projection") if projected else None
        self.relative_bias = (
            RelativePositionBias(
                self.encoder_blocks[0].self_attention.num_heads,
                num_relative_buckets,
                dtype=self.dtype_policy,
                name="relative_bias",
            )
            if num_relative_buckets
            else None
        )

    def _projection(self, name, **options):
        return Projection(
            self.hidden_dim,
            kernel_initializer=projection_initializer(BERT_STDDEV),
            partition=columns("hidden_dim"),
            dtype=self.dtype_policy,
            name=name,
            **options,
        )

    @property
    def embedding_layers(self) -> list[keras.layers.Layer]:
        """The layers with weights that are there before the first block, or that all blocks share."""
        tables = (self.token_embedding, self.segment_embedding, self.position_embedding, self.embedding_norm)
        return [layer for layer in (*tables, self.embedding_projection, self.relative_bias) if layer is not None]

    def build(self, input_shape: Any = None) -> None:
        """Creates every weight; the shapes depend on the configuration alone."""
        for embedding in (self.token_embedding, self.segment_embedding):
            if embedding is not None:
                embedding.build((None, None))
        embedded, hidden = (None, None, self.embedding_dim), (None, None, self.hidden_dim)
        for layer in (self.position_embedding, self.embedding_norm, self.embedding_projection):
            if layer is not None:
                layer.build(embedded)
        for layer in (*self.encoder_blocks, self.final_norm):
            if layer is not None:
                layer.build(hidden)
        if self.pooler is not None:
            self.pooler.build((None, self.hidden_dim))
        if self.relative_bias is not None:
            self.relative_bias.build()
        self.built = True

    def embed(self, token_ids: Any, segment_ids: Any = None, training: bool | None = None) -> Any:
        """What the first block reads: float `[B, S, D]` of int32 `[B, S]`; without segment ids every one is 0."""
        x = self.token_embedding(token_ids)
        if self.segment_embedding is not None:
            # A model of one segment gives every token that one's vector, whatever the caller's ids.
            if segment_ids is None or self.num_segments == 1:
                segment_ids = ops.zeros_like(token_ids)
            x = x + self.segment_embedding(segment_ids)
        if self.position_embedding is not None:
            x = self.position_embedding(x)
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        x = self.dropout(x, training=training)
        return x if self.embedding_projection is None else self.embedding_projection(x)

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Vectors of every token and, with a pooler, of the whole sequence.

        Args:
            inputs: dict of `token_ids` int32 `[B, S]`, `padding_mask` bool or int `[B, S]`, True for real tokens, and
                optionally `segment_ids` int32 `[B, S]`, which a model with fewer than two segments does not read.
            training: Whether dropout is active.

        Returns:
            dict of `hidden_states` float `[B, S, D]` and, with a pooler, `pooled` float `[B, D]`, in the compute dtype.
        """
        x = self.embed(inputs["token_ids"], inputs.get("segment_ids"), training=training)
        places = ops.arange(ops.shape(x)[1])
        bias = None if self.relative_bias is None else self.relative_bias(places, places)
        rotations = shared_rotations([block.self_attention for block in self.encoder_blocks], places)
        for i in self.passes:
            block, rotation = self.encoder_blocks[i], rotations[i]
            x = block(x, padding_mask=inputs["padding_mask"], bias=bias, rotation=rotation, training=training)
        if self.final_norm is not None:
            x = self.final_norm(x)
        outputs = {"hidden_states": x}
        if self.pooler is not None:
            outputs["pooled"] = self.pooler(x[:, 0])
        return outputs

    def flops_of_blocks(self, inputs: dict[str, Any]) -> tuple[int, Vectors]:
        """Operations of forward and backward pass without the pooler, and the `Vectors` of the hidden states."""
        tables = (self.token_embedding, self.segment_embedding, self.position_embedding, self.embedding_norm)
        vectors = Vectors(*inputs["token_ids"].shape).through(*tables, self.relative_bias)
        flops, vectors = flops_in_turn(
            vectors, self.embedding_projection, *(self.encoder_blocks[i] for i in self.passes)
        )
        return flops, vectors.through(self.final_norm)

    def flops(self, inputs: dict[str, Any]) -> int:
        """See `TransformerModel`."""
        flops, vectors = self.flops_of_blocks(inputs)
        return flops + flops_in_turn(vectors._replace(length=1), self.pooler)[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
