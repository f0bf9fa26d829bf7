"""The decoder-only Transformer: GPT-2."""

import math

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers import PositionEmbedding, TokenEmbedding, TransformerCausalBlock
from zoo.layers.initializers import BERT_STDDEV
from zoo.layers.key_value_cache import step_place
from zoo.models.sizes import GPT2_SIZES
from zoo.models.transformer_model import TransformerModel

PUBLISHED_VOCABULARY_SIZE = 50257


@keras.saving.register_keras_serializable(package="zoo")
class GPT2(TransformerModel):
    """A Transformer that predicts the next token from those before it.

    Called on whole sequences it returns logits for training; `prefill`, `start_cache` and `decode_step` serve
    `zoo.generation`, one token at a time after a prompt.

    Initial weights are truncated normals of standard deviation 0.02, those of the projections onto the residual path of
    0.02 / sqrt(2 * num_layers).

    Args:
        vocabulary_size: V, number of tokens.
        hidden_dim: D.
        intermediate_dim: Width of the feed-forward networks.
        num_heads: H.
        num_layers: Number of blocks.
        dropout: Rate on the output of each sub-layer.
        attention_dropout: Rate on attention weights.
        activation: See `FeedForward`.
        max_sequence_length: Longest sequence, prompt and continuation together, in tokens.
        layer_norm_epsilon: Added to the variance in every normalisation.
        tied_embeddings: Whether the table of token vectors is the output matrix too.
        embedding_dropout: Rate on embeddings; `dropout` if None.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and its reference
        implementation, https://github.com/openai/gpt-2.

    Example:
        >>> model = GPT2.from_size("small", num_layers=2, vocabulary_size=100)
        >>> model({"token_ids": np.array([[5, 6, 2]])}).shape
        (1, 3, 100)
    """

    def __init__(
        self,
        vocabulary_size=PUBLISHED_VOCABULARY_SIZE,
        hidden_dim=768,
        intermediate_dim=3072,
        num_heads=12,
        num_layers=12,
        dropout=0.1,
        attention_dropout=0.1,
        activation="gelu_approximate",
        max_sequence_length=1024,
        layer_norm_epsilon=1e-5,
        tied_embeddings=True,
        embedding_dropout=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = dict(
            vocabulary_size=vocabulary_size,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            num_layers=num_layers,
            dropout=dropout,
            attention_dropout=attention_dropout,
            activation=activation,
            max_sequence_length=max_sequence_length,
            layer_norm_epsilon=layer_norm_epsilon,
            tied_embeddings=tied_embeddings,
            embedding_dropout=embedding_dropout,
        )
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.max_sequence_length = max_sequence_length
        self.tied_embeddings = tied_embeddings

        def embedding(name):
            return TokenEmbedding(
                vocabulary_size, hidden_dim, initializer_stddev=BERT_STDDEV, dtype=self.dtype_policy, name=name
            )

        self.token_embedding = embedding("token_embedding")
        self.output_embedding = self.token_embedding if tied_embeddings else embedding("output_embedding")
        self.position_embedding = PositionEmbedding(
            max_sequence_length,
            "learned",
            initializer_stddev=BERT_STDDEV,
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.decoder_blocks = [
            TransformerCausalBlock(
                hidden_dim=hidden_dim,
                num_heads=num_heads,
                intermediate_dim=intermediate_dim,
                dropout=dropout,
                attention_dropout=attention_dropout,
                activation=activation,
                norm="pre",
                layer_norm_epsilon=layer_norm_epsilon,
                initializer_stddev=BERT_STDDEV,
                # The sum on the residual path grows with the number of its terms, two to a block.
                residual_initializer_stddev=BERT_STDDEV / math.sqrt(2 * num_layers),
                dtype=self.dtype_policy,
                name=f"decoder_block_{i}",
            )
            for i in range(num_layers)
        ]
        self.final_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name="final_norm"
        )
        self.dropout = keras.layers.Dropout(
            dropout if embedding_dropout is None else embedding_dropout, dtype=self.dtype_policy, name="dropout"
        )

    @classmethod
    def from_size(cls, size, **overrides):
        """A model of a published size: "small", "medium", "large" or "xl".

        Args:
            size: Name of the size.
            overrides: Arguments of the class, in place of those of the size; the vocabulary is the published one of
                50,257 tokens if none is given.

        Raises:
            UserError: for an unknown size.
        """
        if size not in GPT2_SIZES:
            raise UserError(f"size must be one of {', '.join(GPT2_SIZES)}, got {size!r}")
        return cls(**{**GPT2_SIZES[size], **overrides})

    def build(self, input_shape=None):
        """Creates every weight; the shapes depend on the configuration alone."""
        hidden = (None, None, self.hidden_dim)
        self.token_embedding.build((None, None))
        if not self.tied_embeddings:
            self.output_embedding.build((None, None))
        for layer in (self.position_embedding, *self.decoder_blocks, self.final_norm):
            layer.build(hidden)
        self.built = True

    def call(self, inputs, training=None):
        """Logits of the token after each position.

        Args:
            inputs: dict of `token_ids` int32 `[B, T]`, padding at the end, and optionally `padding_mask` bool or int
                `[B, T]`, True for real tokens, which changes nothing for them, and `segment_ids` int32 `[B, T]` of
                documents packed in one row, each of its own number: a position sees only its own document, and
                positions are counted from its start.
            training: Whether dropout is active.

        Returns:
            float32 `[B, T, V]`.
        """
        attention_mask, positions = None, None
        if inputs.get("segment_ids") is not None:
            attention_mask, positions = _within_segments(ops.convert_to_tensor(inputs["segment_ids"]))
        x = self.position_embedding(self.token_embedding(inputs["token_ids"]), positions)
        x = self.dropout(x, training=training)
        for block in self.decoder_blocks:
            x = block(x, attention_mask=attention_mask, training=training)
        return self.output_embedding.logits(self.final_norm(x))

    def prefill(self, token_ids, padding_mask=None):
        """Keys and values of prompts, which stand at positions 0 to P - 1.

        Args:
            token_ids: int32 `[B, P]`, padding at the end; P may be 0.
            padding_mask: bool or int `[B, P]`, True for real tokens; not read here, since no real token sees padding
                that follows it.

        Returns:
            The prompt's cache, a tuple over blocks of keys and values `[B, H, P, D / H]`.
        """
        if not self.built:
            self.build()
        x = self.position_embedding(self.token_embedding(token_ids))
        prompt_cache = []
        for block in self.decoder_blocks:
            x, keys_and_values = block.prefill(x)
            prompt_cache.append(keys_and_values)
        return tuple(prompt_cache)

    def start_cache(self, num_rows, max_length, prompt_cache=None):
        """The state before the first step: an empty cache, or one that begins with the prompts.

        Args:
            num_rows: N, prompts times hypotheses of each.
            max_length: Steps there is room for. Both are Python ints, or int32 scalar tensors in a TensorFlow graph.
            prompt_cache: from `prefill`, of N prompts with one hypothesis each; `decode_step` then needs fewer
                operations and gets no prompt cache itself.

        Returns:
            The cache, a tuple over blocks of keys and values `[N, H, max_length, D / H]` in the compute dtype, with P
            more positions in front if these are the prompts'.
        """
        cache = tuple(block.self_attention.empty_cache(num_rows, max_length) for block in self.decoder_blocks)
        if prompt_cache is None:
            return cache
        return tuple(
            tuple(ops.concatenate(parts, axis=2) for parts in zip(prompt, room, strict=True))
            for prompt, room in zip(prompt_cache, cache, strict=True)
        )

    def after_prompts(self, token_ids, padding_mask, max_length, num_hypotheses=1):
        """What a search over continuations of prompts needs.

        Args:
            token_ids, padding_mask: As of `prefill`.
            max_length: As of `start_cache`.
            num_hypotheses: K, continuations of each prompt.

        Returns:
            The cache before the first step, and a function `step(token_ids, index, cache)` that is `decode_step` after
            these prompts.
        """
        prompt_cache = self.prefill(token_ids, padding_mask)
        rows = ops.shape(token_ids)[0] * num_hypotheses
        if num_hypotheses == 1:
            cache, prompt_cache = self.start_cache(rows, max_length, prompt_cache), None
        else:
            cache = self.start_cache(rows, max_length)
        output_matrix = self.output_matrix()

        def step(token_ids, index, cache):
            return self.decode_step(token_ids, index, cache, prompt_cache, padding_mask, output_matrix)

        return cache, step

    def output_matrix(self):
        """The matrix `[D, V]` from hidden states to logits, in the compute dtype, for `decode_step`."""
        if not self.built:
            self.build()
        return self.output_embedding.output_matrix()

    def decode_step(self, token_ids, index, cache, prompt_cache, prompt_mask, output_matrix=None):
        """Logits for the next token of each of N = B * K hypotheses, K to a prompt.

        A token stands as many positions after the real tokens of its prompt as `index` says. Beyond
        `max_sequence_length` it gets the last position's vector: rows that have ended may be carried on with others.

        Args:
            token_ids: int32 `[N]`, the token at position `index`; the hypotheses of a row next to each other.
            index: int32 scalar, counted from the end of each prompt.
            cache: from `start_cache` or the step before.
            prompt_cache: from `prefill`, of the B prompts; None where `start_cache` was given it.
            prompt_mask: bool or int `[B, P]`, True for real tokens.
            output_matrix: `output_matrix()`, computed once before a loop.

        Returns:
            float32 logits `[N, V]` and the new cache.
        """
        prompt_mask = ops.convert_to_tensor(prompt_mask)
        rows = ops.shape(prompt_mask)[0]
        positions = ops.sum(ops.cast(prompt_mask, "int32"), axis=1, keepdims=True) + index
        positions = ops.minimum(positions, self.max_sequence_length - 1)
        x = ops.reshape(self.token_embedding(token_ids), (rows, -1, self.hidden_dim))
        x = ops.reshape(self.position_embedding.at(x, positions), (-1, self.hidden_dim))
        place = step_place(cache[0][0], index, prompt_mask if prompt_cache is None else None)
        prompts = [None] * self.num_layers if prompt_cache is None else prompt_cache
        new_cache = []
        for block, block_cache, prompt in zip(self.decoder_blocks, cache, prompts, strict=True):
            x, block_cache = block.step(x, place, block_cache, prompt, prompt_mask)
            new_cache.append(block_cache)
        return self.output_embedding.logits(self.final_norm(x), output_matrix), tuple(new_cache)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}


def _within_segments(segment_ids):
    """Which positions `[B, T, T]` each position of int32 `[B, T]` may see, and its own number within its segment."""
    order = ops.arange(ops.shape(segment_ids)[1])
    same = segment_ids[:, :, None] == segment_ids[:, None, :]
    visible = ops.logical_and(same, order[:, None] >= order[None, :])
    return visible, ops.sum(ops.cast(visible, "int32"), axis=-1) - 1
