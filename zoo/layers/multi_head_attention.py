"""Multi-head scaled dot-product attention with a static key-value cache."""

import math

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers.initializers import projection_initializer
from zoo.layers.joint_projections import JointProjections
from zoo.layers.key_value_cache import attend_own, attend_shared, empty_cache, step_softmax, write_position
from zoo.layers.projection import Projection
from zoo.layers.row_products import row_products

# A logit that softmax makes 0, unless all are of that kind.
_HIDDEN = -1e9


@keras.saving.register_keras_serializable(package="zoo")
class MultiHeadAttention(JointProjections, keras.layers.Layer):
    """Multi-head attention: self, causal or cross, with padding masks and cached decoding.

    B is the batch, T the query length, S the key length, H the heads, D the hidden dimension.

    Whole sequences go through `keras.ops.dot_product_attention`, which picks flash attention where the backend has it.
    Single steps (`step`) read a static cache; see `zoo.layers.key_value_cache`.

    Args:
        num_heads: H; must divide `hidden_dim`.
        hidden_dim: D, of the queries and of the output.
        attention_dropout: Rate of dropout on the attention weights; any rate above 0 gives up flash attention while
            training.
        initializer_stddev: Standard deviation of the initial projections; Glorot's if None.

    Source: Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.2.

    Example:
        >>> layer = MultiHeadAttention(num_heads=4, hidden_dim=32)
        >>> layer(keras.random.normal((2, 5, 32)), causal=True).shape
        (2, 5, 32)
    """

    def __init__(self, num_heads, hidden_dim, attention_dropout=0.0, initializer_stddev=None, **kwargs):
        super().__init__(**kwargs)
        if num_heads < 1 or hidden_dim % num_heads:
            raise UserError(f"hidden_dim must be a multiple of num_heads, got {hidden_dim} and {num_heads}")
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.attention_dropout = attention_dropout
        self.initializer_stddev = initializer_stddev
        self.head_dim = hidden_dim // num_heads
        self.scale = 1.0 / math.sqrt(self.head_dim)
        self.query, self.key, self.value, self.output_projection = (
            Projection(
                hidden_dim,
                kernel_initializer=projection_initializer(initializer_stddev),
                dtype=self.dtype_policy,
                name=name,
            )
            for name in ("query", "key", "value", "output")
        )
        self.dropout = keras.layers.Dropout(attention_dropout, dtype=self.dtype_policy) if attention_dropout else None

    def build(self, query_shape, key_value_shape=None):
        """Creates the projections for inputs `[B, T, D]` and, for cross-attention, `[B, S, D']`."""
        source = key_value_shape or query_shape
        self.query.build(query_shape)
        self.key.build(source)
        self.value.build(source)
        self.output_projection.build((*query_shape[:-1], self.hidden_dim))
        self.built = True

    def _split_heads(self, x):
        batch, length = ops.shape(x)[0], ops.shape(x)[1]
        return ops.reshape(x, (batch, length, self.num_heads, self.head_dim))

    def call(self, query, key_value=None, padding_mask=None, causal=False, attention_mask=None, training=None):
        """Attends from every query position to every permitted key position.

        Args:
            query: float `[B, T, D]`.
            key_value: float `[B, S, D']` for cross-attention; the queries themselves if None.
            padding_mask: bool or int `[B, S]`, True for real tokens. A row with no real token
                gets finite values of no meaning.
            causal: Whether position t sees positions up to t only.
            attention_mask: bool or int `[B, T, S]`, True where a query position may see a key position, for what the
                other two cannot say.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """
        q, k, v = (self._split_heads(each) for each in self.project(query, key_value))
        mask = None if padding_mask is None else ops.cast(padding_mask, "bool")[:, None, None, :]
        if attention_mask is not None:
            permitted = ops.cast(attention_mask, "bool")[:, None]
            mask = permitted if mask is None else ops.logical_and(mask, permitted)
        if self.dropout is not None and training:
            attended = self._attend_with_dropout(q, k, v, mask, causal)
        else:
            attended = ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal, scale=self.scale)
        batch, length = ops.shape(query)[0], ops.shape(query)[1]
        return self.output_projection(ops.reshape(attended, (batch, length, self.hidden_dim)))

    def _attend_with_dropout(self, q, k, v, mask, causal):
        logits = ops.cast(ops.einsum("bthd,bshd->bhts", q, k), "float32") * self.scale
        if causal:
            length = ops.shape(q)[1]
            positions = ops.arange(length)
            visible = (positions[:, None] >= positions[None, :])[None, None]
            mask = visible if mask is None else ops.logical_and(mask, visible)
        if mask is not None:
            logits = ops.where(mask, logits, _HIDDEN)
        weights = self.dropout(ops.cast(ops.softmax(logits, axis=-1), v.dtype), training=True)
        return ops.einsum("bhts,bshd->bthd", weights, v)

    def prefill(self, inputs):
        """Causal self-attention over a whole sequence, and its keys and values for the steps that follow.

        Args:
            inputs: float `[B, T, D]`; padding belongs at the end, where no real position sees it.

        Returns:
            float `[B, T, D]`, and keys and values, two tensors `[B, H, T, D / H]`.
        """
        q, k, v = (self._split_heads(each) for each in self.project(inputs))
        attended = ops.dot_product_attention(q, k, v, is_causal=True, scale=self.scale)
        batch, length = ops.shape(inputs)[0], ops.shape(inputs)[1]
        outputs = self.output_projection(ops.reshape(attended, (batch, length, self.hidden_dim)))
        return outputs, (ops.transpose(k, (0, 2, 1, 3)), ops.transpose(v, (0, 2, 1, 3)))

    def keys_and_values(self, key_value):
        """Keys and values of a whole sequence in cache layout: two tensors `[B, H, S, D / H]` from `[B, S, D']`."""
        keys = ops.transpose(self._split_heads(self.key(key_value)), (0, 2, 1, 3))
        values = ops.transpose(self._split_heads(self.value(key_value)), (0, 2, 1, 3))
        return keys, values

    def empty_cache(self, batch_size, max_length):
        """A zero cache: keys and values, each `[B, H, max_length, D / H]` in the compute dtype."""
        return empty_cache(batch_size, self.num_heads, max_length, self.head_dim, self.compute_dtype)

    def _scaled(self, queries):
        return ops.reshape(queries * self.scale, (-1, self.num_heads, 1, self.head_dim))

    def _queries_and_cache(self, query, cache, place):
        """Scaled queries of a new position, and the cache with its keys and values."""
        queries, *new = self.project(query)
        # Without a length T the heads of [N, D] lie as the cache wants them, so nothing here is transposed.
        cache = tuple(write_position(old, each, place) for old, each in zip(cache, new, strict=True))
        return self._scaled(queries), cache

    def step(self, query, cache, place):
        """Self-attention of one new position, whose key and value are written into the cache first.

        Args:
            query: float `[N, D]`.
            cache: keys and values, `[N, H, S, D / H]` each; what is not visible holds no meaning.
            place: `StepPlace` of the new position.

        Returns:
            float `[N, D]`, and the cache with the position written.
        """
        queries, cache = self._queries_and_cache(query, cache, place)
        attended = attend_own(queries, *cache, lambda logits: ops.where(place.visible, logits, _HIDDEN))
        return self.output_projection(attended), cache

    def step_after_prompt(self, query, cache, place, prompt, prompt_mask):
        """Self-attention of one new position for each of N = B * K hypotheses that continue B prompts.

        One softmax goes over the positions of the prompt and those of the cache. The K hypotheses of a row share the
        keys and values of its prompt: they attend as K query positions of one row.

        Args:
            query: float `[N, D]`, hypotheses of a row next to each other.
            cache: keys and values of what follows the prompt, `[N, H, L, D / H]` each.
            place: `StepPlace` of the new position in that cache.
            prompt: keys and values, `[B, H, P, D / H]` each; P may be 0.
            prompt_mask: bool or int `[B, P]`, True for real tokens.

        Returns:
            float `[N, D]`, and the cache with the position written.
        """
        q, cache = self._queries_and_cache(query, cache, place)
        keys, values = cache
        prompt_keys, prompt_values = prompt
        rows, prompt_length = ops.shape(prompt_mask)[0], ops.shape(prompt_mask)[1]
        grouped = ops.reshape(q, (rows, -1, self.num_heads, self.head_dim))
        prompt_logits = ops.cast(ops.einsum("bkhd,bhpd->bkhp", grouped, prompt_keys), "float32")
        prompt_logits = ops.where(ops.cast(prompt_mask, "bool")[:, None, None, :], prompt_logits, _HIDDEN)
        own_logits = ops.cast(row_products(q, keys, transposed=True), "float32")
        own_logits = ops.where(place.visible, own_logits, _HIDDEN)
        num_queries = ops.shape(own_logits)[0]
        prompt_logits = ops.reshape(prompt_logits, (num_queries, self.num_heads, 1, prompt_length))
        weights = step_softmax(ops.concatenate([prompt_logits, own_logits], axis=-1))
        weights = ops.cast(weights, values.dtype)
        # Not -1: a prompt of no positions would leave it undetermined.
        grouped_shape = (rows, ops.shape(grouped)[1], self.num_heads, prompt_length)
        prompt_weights = ops.reshape(weights[..., :prompt_length], grouped_shape)
        attended = row_products(weights[..., prompt_length:], values)
        attended = ops.reshape(attended, (num_queries, self.hidden_dim))
        from_prompt = ops.einsum("bkhp,bhpd->bkhd", prompt_weights, prompt_values)
        attended = attended + ops.reshape(from_prompt, (num_queries, self.hidden_dim))
        return self.output_projection(attended), cache

    def attend_cached(self, query, keys_and_values, padding_mask):
        """Cross-attention of N = B * K hypotheses, K to a row, to keys and values computed once by `keys_and_values`.

        Args:
            query: float `[N, D]`, hypotheses of a row next to each other.
            keys_and_values: two tensors `[B, H, S, D / H]`.
            padding_mask: bool or int `[B, S]`, True for real tokens.

        Returns:
            float `[N, D]`.
        """
        visible = ops.cast(padding_mask, "bool")[:, None, None, :]
        attended = attend_shared(
            self._scaled(self.query(query)), *keys_and_values, lambda logits: ops.where(visible, logits, _HIDDEN)
        )
        return self.output_projection(attended)

    def compute_output_shape(self, query_shape, key_value_shape=None):
        """`[B, T, D]`."""
        return (*query_shape[:-1], self.hidden_dim)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            hidden_dim=self.hidden_dim,
            attention_dropout=self.attention_dropout,
            initializer_stddev=self.initializer_stddev,
        )
        return config
