"""Attention with a bias of its logits in place of scaling and of position vectors, as in T5."""

import keras
from keras import ops

from zoo.layers.joint_projections import JointProjections
from zoo.layers.key_value_cache import attend_own, attend_shared, empty_cache, write_position
from zoo.layers.projection import Projection


@keras.saving.register_keras_serializable(package="zoo")
class BiasedAttention(JointProjections, keras.layers.Layer):
    """Multi-head attention whose logits are plain products of queries and keys plus a bias that the caller gives.

    The projections have no bias, and the heads need not divide the hidden dimension.

    Args:
        num_heads: H.
        head_dim: K, width of a head.
        hidden_dim: D, of the queries and of the output.
        dropout: Rate of dropout on the attention weights.

    Source: Raffel et al. 2020, https://arxiv.org/abs/1910.10683, section 2.1.

    Example:
        >>> x = keras.random.normal((2, 5, 32))
        >>> BiasedAttention(num_heads=4, head_dim=16, hidden_dim=32)(x, x, ops.zeros((1, 4, 5, 5))).shape
        (2, 5, 32)
    """

    def __init__(self, num_heads, head_dim, hidden_dim, dropout=0.0, **kwargs):
        # The bias stays float32, which holds the large negative numbers.
        super().__init__(autocast=False, **kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.hidden_dim = hidden_dim
        self.dropout_rate = dropout
        # Products are not scaled, so the queries begin small.
        stddevs = {"query": (hidden_dim * head_dim) ** -0.5, "key": hidden_dim**-0.5, "value": hidden_dim**-0.5}
        self.query, self.key, self.value = (
            self._projection(num_heads * head_dim, stddev, name) for name, stddev in stddevs.items()
        )
        self.output_projection = self._projection(hidden_dim, (num_heads * head_dim) ** -0.5, "output")
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def _projection(self, units, stddev, name):
        return Projection(
            units,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=stddev),
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, query_shape, key_value_shape=None, bias_shape=None):
        """Creates the projections for inputs `[B, T, D]` and `[B, S, D]`."""
        for layer in (self.query, self.key, self.value):
            layer.build(query_shape)
        self.output_projection.build((*query_shape[:-1], self.num_heads * self.head_dim))
        self.built = True

    def call(self, query, key_value, bias, training=None):
        """Attends from every query position to every key position.

        Args:
            query: float `[B, T, D]`.
            key_value: float `[B, S, D]`; the queries themselves if None.
            bias: float32 that broadcasts to `[B, H, T, S]`; a large negative number hides a key from a query.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """
        queries, keys, values = (self._heads(each) for each in self.project(query, key_value))
        logits = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        weights = ops.cast(ops.softmax(ops.cast(logits, "float32") + bias, axis=-1), values.dtype)
        attended = ops.transpose(ops.matmul(self.dropout(weights, training=training), values), (0, 2, 1, 3))
        shape = (ops.shape(query)[0], ops.shape(query)[1], self.num_heads * self.head_dim)
        return self.output_projection(ops.reshape(attended, shape))

    def keys_and_values(self, key_value):
        """Keys and values of a whole sequence in cache layout: two tensors `[B, H, S, K]` from `[B, S, D]`."""
        return self._heads(self.key(key_value)), self._heads(self.value(key_value))

    def empty_cache(self, batch_size, max_length):
        """A zero cache: keys and values, each `[B, H, max_length, K]` in the compute dtype."""
        return empty_cache(batch_size, self.num_heads, max_length, self.head_dim, self.compute_dtype)

    def step(self, query, cache, place, bias):
        """Self-attention of one new position, whose key and value are written into the cache first.

        Args:
            query: float `[N, D]`.
            cache: keys and values, `[N, H, L, K]` each.
            place: `StepPlace` of the new position.
            bias: float32 `[1, H, 1, L]` that also hides what is not visible.

        Returns:
            float `[N, D]`, and the cache with the position written.
        """
        queries, *new = self.project(query)
        keys, values = cache = tuple(write_position(old, each, place) for old, each in zip(cache, new, strict=True))
        attended = attend_own(self._heads_of_step(queries), keys, values, lambda logits: logits + bias)
        return self.output_projection(attended), cache

    def attend_cached(self, query, keys_and_values, bias):
        """Cross-attention of N = B * G hypotheses, G to a row, to keys and values computed before.

        Args:
            query: float `[N, D]`, hypotheses of a row next to each other.
            keys_and_values: two tensors `[B, H, S, K]`.
            bias: float32 that broadcasts to `[B, H, G, S]`.

        Returns:
            float `[N, D]`.
        """
        attended = attend_shared(self._heads_of_step(self.query(query)), *keys_and_values, lambda logits: logits + bias)
        return self.output_projection(attended)

    def _heads_of_step(self, queries):
        return ops.reshape(queries, (-1, self.num_heads, 1, self.head_dim))

    def _heads(self, x):
        x = ops.reshape(x, (ops.shape(x)[0], ops.shape(x)[1], self.num_heads, self.head_dim))
        return ops.transpose(x, (0, 2, 1, 3))

    def compute_output_shape(self, query_shape, key_value_shape=None, bias_shape=None):
        """`[B, T, D]`."""
        return (*query_shape[:-1], self.hidden_dim)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            head_dim=self.head_dim,
            hidden_dim=self.hidden_dim,
            dropout=self.dropout_rate,
        )
        return config
