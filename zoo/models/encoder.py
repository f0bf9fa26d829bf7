"""The encoder-only Transformer: BERT and the models of its family."""

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers import PositionEmbedding, Projection, TokenEmbedding, TransformerBlock
from zoo.layers.flops import Vectors, flops_in_turn
from zoo.layers.initializers import BERT_STDDEV, projection_initializer
from zoo.layers.partition import columns
from zoo.models.sizes import ENCODER_SIZES
from zoo.models.transformer_model import TransformerModel

NORM_PLACES = ("post", "pre")


@keras.saving.register_keras_serializable(package="zoo")
class Encoder(TransformerModel):
    """A Transformer that turns tokens into vectors that know their context, such as BERT, DistilBERT and RoBERTa.

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        num_layers: Number of blocks.
        max_sequence_length: Longest sequence, in tokens.
        num_segments: Kinds of segments there are vectors for; 0 for none, as in DistilBERT.
        activation: See `FeedForward`.
        dropout: Rate on embeddings and on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        activation_dropout: Rate inside the feed-forward networks.
        norm: "post" (as published) or "pre", which normalises at the end instead of after the embeddings.
        position_offset: Unused rows before the vector of the first position; 2 in RoBERTa.
        pooler: Whether there is a dense tanh layer over the first position.
        layer_norm_epsilon: Added to the variance in every normalisation.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805.

    Example:
        >>> encoder = Encoder.from_size("tiny", vocabulary_size=100)
        >>> ids = np.array([[5, 6, 2, 0]])
        >>> encoder({"token_ids": ids, "padding_mask": ids > 0})["hidden_states"].shape
        (1, 4, 128)
    """

    sizes = ENCODER_SIZES

    def __init__(
        self,
        vocabulary_size,
        hidden_dim=768,
        intermediate_dim=3072,
        num_heads=12,
        num_layers=12,
        max_sequence_length=512,
        num_segments=2,
        activation="gelu",
        dropout=0.1,
        attention_dropout=0.1,
        activation_dropout=0.0,
        norm="post",
        position_offset=0,
        pooler=True,
        layer_norm_epsilon=1e-12,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if norm not in NORM_PLACES:
            raise UserError(f"norm must be one of {', '.join(NORM_PLACES)}, got {norm!r}")
        self._config = dict(
            vocabulary_size=vocabulary_size,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            num_layers=num_layers,
            max_sequence_length=max_sequence_length,
            num_segments=num_segments,
            activation=activation,
            dropout=dropout,
            attention_dropout=attention_dropout,
            activation_dropout=activation_dropout,
            norm=norm,
            position_offset=position_offset,
            pooler=pooler,
            layer_norm_epsilon=layer_norm_epsilon,
        )
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.activation_name = activation
        self.layer_norm_epsilon = layer_norm_epsilon

        def embedding(size, name, divided=True):
            initial = dict(initializer_stddev=BERT_STDDEV, divided=divided)
            return TokenEmbedding(size, hidden_dim, **initial, dtype=self.dtype_policy, name=name)

        self.token_embedding = embedding(vocabulary_size, "token_embedding")
        self.segment_embedding = embedding(num_segments, "segment_embedding", divided=False) if num_segments else None
        self.position_embedding = PositionEmbedding(
            max_sequence_length,
            "learned",
            position_offset,
            BERT_STDDEV,
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.encoder_blocks = [
            TransformerBlock(
                hidden_dim,
                dict(num_heads=num_heads, dropout=attention_dropout, initializer_stddev=BERT_STDDEV),
                dict(
                    intermediate_dim=intermediate_dim,
                    activation=activation,
                    dropout=activation_dropout,
                    initializer_stddev=BERT_STDDEV,
                ),
                dropout=dropout,
                order=norm,
                norm_epsilon=layer_norm_epsilon,
                dtype=self.dtype_policy,
                name=f"encoder_block_{i}",
            )
            for i in range(num_layers)
        ]
        self.embedding_norm, self.final_norm = (
            keras.layers.LayerNormalization(epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name=name)
            if norm == with_norm
            else None
            for name, with_norm in (("embedding_norm", "post"), ("final_norm", "pre"))
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.pooler = (
            Projection(
                hidden_dim,
                activation="tanh",
                kernel_initializer=projection_initializer(BERT_STDDEV),
                partition=columns("hidden_dim"),
                dtype=self.dtype_policy,
                name="pooler",
            )
            if pooler
            else None
        )

    def build(self, input_shape=None):
        """Creates every weight; the shapes depend on the configuration alone."""
        hidden = (None, None, self.hidden_dim)
        for embedding in (self.token_embedding, self.segment_embedding):
            if embedding is not None:
                embedding.build((None, None))
        for layer in (self.position_embedding, self.embedding_norm, *self.encoder_blocks, self.final_norm):
            if layer is not None:
                layer.build(hidden)
        if self.pooler is not None:
            self.pooler.build((None, self.hidden_dim))
        self.built = True

    def embed(self, token_ids, segment_ids=None, training=None):
        """What the first block reads: float `[B, S, D]` of int32 `[B, S]`; without segment ids every one is 0."""
        x = self.token_embedding(token_ids)
        if self.segment_embedding is not None:
            # A model of one segment gives every token that one's vector, whatever the caller's ids.
            if segment_ids is None or self.num_segments == 1:
                segment_ids = ops.zeros_like(token_ids)
            x = x + self.segment_embedding(segment_ids)
        x = self.position_embedding(x)
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        return self.dropout(x, training=training)

    def call(self, inputs, training=None):
        """Vectors of every token and, with a pooler, of the whole sequence.

        Args:
            inputs: dict of `token_ids` int32 `[B, S]`, `padding_mask` bool or int `[B, S]`, True for real tokens, and
                optionally `segment_ids` int32 `[B, S]`, which a model with fewer than two segments does not read.
            training: Whether dropout is active.

        Returns:
            dict of `hidden_states` float `[B, S, D]` and, with a pooler, `pooled` float `[B, D]`, in the compute dtype.
        """
        x = self.embed(inputs["token_ids"], inputs.get("segment_ids"), training=training)
        for block in self.encoder_blocks:
            x = block(x, padding_mask=inputs["padding_mask"], training=training)
        if self.final_norm is not None:
            x = self.final_norm(x)
        outputs = {"hidden_states": x}
        if self.pooler is not None:
            outputs["pooled"] = self.pooler(x[:, 0])
        return outputs

    def flops_of_blocks(self, inputs):
        """Operations of forward and backward pass without the pooler, and the `Vectors` of the hidden states."""
        tables = (self.token_embedding, self.segment_embedding, self.position_embedding, self.embedding_norm)
        flops, vectors = flops_in_turn(Vectors(*inputs["token_ids"].shape).through(*tables), *self.encoder_blocks)
        return flops, vectors.through(self.final_norm)

    def flops(self, inputs):
        """See `TransformerModel`."""
        flops, vectors = self.flops_of_blocks(inputs)
        return flops + flops_in_turn(vectors._replace(length=1), self.pooler)[0]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
