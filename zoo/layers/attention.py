"""Multi-head attention of every model, whole sequences and single steps with a static cache."""

import math
from typing import Any

import keras
from keras import ops

from zoo.errors import UserError
from zoo.layers.flops import Vectors, attention_flops
from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import projection_initializer
from zoo.layers.key_value_cache import (
    attend_after_prompt,
    attend_own,
    attend_shared,
    empty_cache,
    most_recent,
    smaller,
    write_position,
)
from zoo.layers.partition import columns, rows
from zoo.layers.projection import Projection
from zoo.layers.query_blocks import in_query_blocks
from zoo.layers.rms_norm import RMSNorm
from zoo.layers.rotary_positions import RotaryPositions
from zoo.ranges import check_range
from zoo.weights.packed_matrix import PackedMatrix
from zoo.weights.packed_weights import Packing

# A logit that softmax makes 0, unless all are of that kind.
_HIDDEN = -1e9


@keras.saving.register_keras_serializable(package="zoo")
class Attention(keras.layers.Layer):
    """Multi-head attention: to itself, causal or not, or to another sequence.

    B is the batch, T the query length, S the key length, H the heads of queries, H' those of keys and values, K the
    width of a head, D the hidden dimension.

    Whole sequences go through `keras.ops.dot_product_attention`, which uses flash attention where the backend has it,
    except with what it does not support: dropout on weights, a bias or a softcap of logits. Single steps (`step`) read
    a static cache; see `zoo.layers.key_value_cache`.

    Args:
        hidden_dim: D, of the queries and of the output.
        num_heads: H.
        num_key_value_heads: H', which divides H: groups of H / H' queries share keys and values; H if None.
        head_dim: K; D / H if None.
        use_bias: Whether queries, keys and values have biases.
        use_output_bias: Whether the output has one; as the others if None.
        positions: `RotaryPositions` that rotate queries and keys in attention to itself, or None.
        window: How many positions a token sees, itself and those right before it, and as many after it where attention
            is not causal; all if None. In attention to itself.
        softcap: Limit c of logits x, which become `c * tanh(x / c)`; none if None.
        scale: Factor of the logits; `K ** -0.5` if None.
        qk_norm: Whether each head's queries and keys are normalised by their root mean square, before they are
            rotated.
        norm_epsilon, norm_unit_offset: Of that, see `RMSNorm`.
        dropout: Rate of dropout on the attention weights; any rate above 0 gives up flash attention while training.
        initializer_stddev: Standard deviation of the initial projections; Glorot's if None; "fan_in" as in T5.

    Attributes:
        packed: `PackedMatrix` of query, key and value side by side, for attention to itself, or None.
        in_blocks: Whether whole sequences go by blocks of queries outside of training; see `zoo.layers.query_blocks`.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2; grouped queries: Ainslie et al. 2023,
    https://arxiv.org/abs/2305.13245; windows: Beltagy et al. 2020, https://arxiv.org/abs/2004.05150.

    Example:
        >>> layer = Attention(hidden_dim=32, num_heads=4, num_key_value_heads=2, positions=RotaryPositions(8))
        >>> layer(keras.random.normal((2, 5, 32)), causal=True).shape
        (2, 5, 32)
    """

    packed: PackedMatrix | None = None
    in_blocks = False

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        num_key_value_heads: int | None = None,
        head_dim: int | None = None,
        use_bias: bool = True,
        use_output_bias: bool | None = None,
        positions: Any = None,
        window: int | None = None,
        softcap: float | None = None,
        scale: float | None = None,
        qk_norm: bool = False,
        norm_epsilon: float = 1e-6,
        norm_unit_offset: bool = False,
        dropout: float = 0.0,
        initializer_stddev: Any = None,
        **kwargs: Any,
    ):
        # Angles and biases of logits stay float32.
        super().__init__(autocast=False, **kwargs)
        if isinstance(positions, dict):
            positions = keras.saving.deserialize_keras_object(positions)
        self._config = given_arguments(locals(), "positions")
        _check_sizes(hidden_dim, num_heads, num_key_value_heads, head_dim, positions, window)
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.head_dim = head_dim or hidden_dim // num_heads
        self.positions = positions
        self.window = window
        self.softcap = softcap
        self.scale = 1.0 / math.sqrt(self.head_dim) if scale is None else scale
        self._group = self.num_heads // self.num_key_value_heads
        # Where logits are not scaled, queries begin small instead.
        variances = {"query": 1.0 / (self.head_dim * self.scale**2)}
        heads = {"query": self.num_heads, "key": self.num_key_value_heads, "value": self.num_key_value_heads}
        self.query, self.key, self.value = (
            self._projection(
                name, number * self.head_dim, use_bias, columns("the attention heads"), variances.get(name, 1.0)
            )
            for name, number in heads.items()
        )
        output_bias = use_bias if use_output_bias is None else use_output_bias
        self.output_projection = self._projection("output", hidden_dim, output_bias, rows("the attention heads"))
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout") if dropout else None
        self.query_norm, self.key_norm = (
            RMSNorm(norm_epsilon, norm_unit_offset, dtype=self.dtype_policy, name=name) if qk_norm else None
            for name in ("query_norm", "key_norm")
        )

    def _projection(self, name, units, use_bias, partition, variance=1.0):
        return Projection(
            units,
            use_bias=use_bias,
            kernel_initializer=projection_initializer(self._config["initializer_stddev"], variance),
            partition=partition,
            dtype=self.dtype_policy,
            name=name,
        )

    def joint_packing(self) -> Packing:
        """The `zoo.weights.Packing` of query, key and value as one product, for attention to itself."""
        together = (self.query, self.key, self.value)
        variables = [variable for projection in together for variable in projection.packed_variables()]
        return Packing(self, "packed", variables, lambda: PackedMatrix.of_projections(*together))

    def flops(self, vectors: Vectors, source: Any = None) -> tuple[int, Vectors]:
        """Operations of forward and backward pass over `Vectors`, and the `Vectors` that come out.

        Args:
            vectors: What attends.
            source: What is attended to, if it is something else.
        """
        source = vectors if source is None else source
        query_flops, queries = self.query.flops(vectors)
        key_flops, keys = self.key.flops(source)
        value_flops, values = self.value.flops(source)
        queries, keys = queries.through(self.query_norm), keys.through(self.key_norm)
        flops, attended = attention_flops(queries, keys, values, self.num_heads * self.head_dim)
        output_flops, outputs = self.output_projection.flops(attended)
        return query_flops + key_flops + value_flops + flops + output_flops, outputs

    def build(self, query_shape: Any, key_value_shape: Any = None) -> None:
        """Creates the projections for inputs `[B, T, D]` and, for cross-attention, `[B, S, D']`."""
        source = key_value_shape or query_shape
        self.query.build(query_shape)
        self.key.build(source)
        self.value.build(source)
        self.output_projection.build((*query_shape[:-1], self.num_heads * self.head_dim))
        for norm in (self.query_norm, self.key_norm):
            if norm is not None:
                norm.build((None, None, None, self.head_dim))
        self.built = True

    def project(self, query: Any, key_value: Any = None) -> Any:
        """Queries `[..., H * K]` of `[..., D]`, and keys and values `[..., H' * K]` of another input or the same."""
        if key_value is None and self.packed is not None:
            joint = self.packed.product(query)
            if self._group == 1:
                return tuple(ops.split(joint, 3, axis=-1))
            ends = [self.num_heads * self.head_dim, (self.num_heads + self.num_key_value_heads) * self.head_dim]
            return tuple(ops.split(joint, ends, axis=-1))
        key_value = query if key_value is None else key_value
        return self.query(query), self.key(key_value), self.value(key_value)

    def _whole(self, query, key_value=None, rotation=None):
        """Queries `[B, T, H, K]`, keys and values `[B, S, H', K]`, ready for their products."""
        q, k, v = self.project(query, key_value)
        q = self._heads(q, self.num_heads)
        k, v = (self._heads(each, self.num_key_value_heads) for each in (k, v))
        if self.positions is not None and key_value is None and rotation is None:
            rotation = self.positions.rotation(ops.arange(ops.shape(query)[1]))
        return self._placed(q, self.query_norm, rotation), self._placed(k, self.key_norm, rotation), v

    def _heads(self, x, num_heads):
        return ops.reshape(x, (ops.shape(x)[0], ops.shape(x)[1], num_heads, self.head_dim))

    def _placed(self, heads, norm, rotation):
        """Queries or keys `[..., heads, K]`, normalised and rotated if this layer does so."""
        heads = heads if norm is None else norm(heads)
        return heads if rotation is None else self.positions.rotate(heads, rotation)

    def call(
        self,
        query: Any,
        key_value: Any = None,
        padding_mask: Any = None,
        causal: bool = False,
        attention_mask: Any = None,
        bias: Any = None,
        rotation: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Attends from every query position to every permitted key position.

        Args:
            query: float `[B, T, D]`.
            key_value: float `[B, S, D']` for cross-attention; the queries themselves if None.
            padding_mask: bool or int `[B, S]`, True for real tokens. A row with no real token
                gets finite values of no meaning.
            causal: Whether position t sees positions up to t only.
            attention_mask: bool or int `[B, T, S]`, True where a query position may see a key position, for what the
                other two cannot say.
            bias: float32 that broadcasts to `[B, H, T, S]`, added to the logits; a large negative number hides a key
                from a query.
            rotation: `Rotation` of the positions, `[T, R / 2]` or `[B, T, R / 2]`; of 0 to T - 1 if None.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`.
        """
        query = ops.cast(query, self.compute_dtype)
        key_value = None if key_value is None else ops.cast(key_value, self.compute_dtype)
        q, k, v = self._whole(query, key_value, rotation)
        if self.in_blocks and not training and key_value is None and attention_mask is None and bias is None:
            return self._attend_in_blocks(q, k, v, causal, padding_mask)
        mask = self._mask(query, padding_mask, attention_mask, causal, key_value is None)
        return self._attend(q, k, v, mask, causal, bias, training)

    def _mask(self, query, padding_mask, attention_mask, causal, to_itself):
        """bool that broadcasts to `[B, 1, T, S]` of all but what `causal` hides, or None."""
        masks = []
        if padding_mask is not None:
            masks.append(ops.cast(padding_mask, "bool")[:, None, None, :])
        if attention_mask is not None:
            masks.append(ops.cast(attention_mask, "bool")[:, None])
        if self.window is not None and to_itself:
            order = ops.arange(ops.shape(query)[1])
            distances = order[:, None] - order[None, :]
            masks.append(((distances if causal else ops.abs(distances)) < self.window)[None, None])
        return _all_of(masks)

    def _attend(self, q, k, v, mask, causal, bias=None, training=None):
        """The output `[B, T, D]` of queries, keys and values."""
        return self._output(self._attended(q, k, v, mask, causal, bias, training))

    def _attend_in_blocks(self, q, k, v, causal, padding_mask=None):
        """The same, of long sequences outside of training."""

        def attended(queries, keys, mask):
            return self._attended(q[:, queries], k[:, keys], v[:, keys], mask, False)

        blocks = in_query_blocks(attended, q, k, causal=causal, window=self.window, padding_mask=padding_mask)
        return self._output(blocks)

    def _output(self, attended):
        shape = (ops.shape(attended)[0], ops.shape(attended)[1], self.num_heads * self.head_dim)
        return self.output_projection(ops.reshape(attended, shape))

    def _attended(self, q, k, v, mask, causal, bias=None, training=None):
        """What queries attend to, `[B, T, H, K]`."""
        drops = self.dropout is not None and training
        if bias is None and self.softcap is None and not drops:
            # Keras 3.15 cannot compute this with a single head of keys under TensorFlow.
            k, v = (self._repeated(each) if self.num_key_value_heads == 1 else each for each in (k, v))
            return ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal, scale=self.scale)
        return self._attend_explicitly(q, k, v, mask, causal, bias, training)

    def _attend_explicitly(self, q, k, v, mask, causal, bias, training):
        k, v = self._repeated(k), self._repeated(v)
        logits = ops.cast(ops.einsum("bthd,bshd->bhts", q, k), "float32")
        logits = self._capped(logits if self.scale == 1.0 else logits * self.scale)
        if causal:
            order = ops.arange(ops.shape(q)[1])
            mask = _all_of([(order[:, None] >= order[None, :])[None, None], *([] if mask is None else [mask])])
        if bias is not None:
            logits = logits + (bias if mask is None else ops.where(mask, bias, _HIDDEN))
        elif mask is not None:
            logits = ops.where(mask, logits, _HIDDEN)
        weights = ops.cast(ops.softmax(logits, axis=-1), v.dtype)
        if self.dropout is not None:
            weights = self.dropout(weights, training=training)
        return ops.einsum("bhts,bshd->bthd", weights, v)

    def _repeated(self, x):
        """Keys or values `[B, S, H, K]`, one for each head of queries, from `[B, S, H', K]`."""
        return x if self._group == 1 else ops.repeat(x, self._group, axis=2)

    def _capped(self, logits):
        return logits if self.softcap is None else ops.tanh(logits / self.softcap) * self.softcap

    def prefill(self, inputs: Any, rotation: Any = None, lengths: Any = None, chunk: Any = None) -> tuple[Any, tuple]:
        """Causal attention over prompts, and their keys and values for the steps that follow.

        Args:
            inputs: float `[B, T, D]`; padding belongs at the end, where no real position sees it.
            rotation: As of `call`.
            lengths: int32 `[B]`, real tokens of each prompt; all are if None.
            chunk: `PromptChunk` where the inputs go on with prompts of which a part has been read; `lengths` are then
                of no use.

        Returns:
            float `[B, T, D]`, and keys and values, two tensors `[B, H', P, K]`: P is T, or the length of the prompts.
            With a window they are the last W - 1 of each row, or those that there are, at the end.
        """
        q, k, v = self._whole(inputs, rotation=rotation)
        new = tuple(ops.transpose(each, (0, 2, 1, 3)) for each in (k, v))
        if chunk is not None:
            seen, kept = chunk.joined(new, self.window)
            k, v = (ops.transpose(each, (0, 2, 1, 3)) for each in seen)
            return self._attend(q, k, v, chunk.mask(ops.shape(q)[1], ops.shape(k)[1], self.window), False), kept
        outputs = self._attend(q, k, v, self._mask(inputs, None, None, True, True), True)
        if self.window is None:
            return outputs, new
        length = ops.shape(inputs)[1]
        ends = ops.full((ops.shape(inputs)[0],), length, "int32") if lengths is None else lengths
        return outputs, tuple(most_recent(each, ends, smaller(length, self.window - 1)) for each in new)

    def keys_and_values(self, key_value: Any) -> Any:
        """Keys and values of another sequence in cache layout: two tensors `[B, H', S, K]` from `[B, S, D']`."""
        keys, values = (self._heads(layer(key_value), self.num_key_value_heads) for layer in (self.key, self.value))
        keys = self._placed(keys, self.key_norm, None)
        return ops.transpose(keys, (0, 2, 1, 3)), ops.transpose(values, (0, 2, 1, 3))

    def empty_cache(self, batch_size: int, max_length: int, most: int | None = None) -> tuple:
        """A zero cache of `most` places at most: keys and values, `[B, H', max_length, K]` in the compute dtype."""
        length = max_length if most is None else smaller(max_length, most)
        return empty_cache(batch_size, self.num_key_value_heads, length, self.head_dim, self.compute_dtype)

    def step(self, query: Any, cache: Any, position: Any, prompt: Any = None) -> tuple[Any, tuple]:
        """Attention of one new position to itself and those before it; its key and value are written first.

        Args:
            query: float `[N, D]`; with a prompt N = B * M hypotheses, those of a row next to each other.
            cache: keys and values, `[N, H', S, K]` each; what is not visible holds no meaning.
            position: `DecodePosition` of the new position in that cache.
            prompt: keys and values of B prompts that the cache does not hold, `[B, H', P, K]` each; P may be 0.

        Returns:
            float `[N, D]`, and the cache with the position written.
        """
        if self.positions is not None and position.rotation is None:
            raise ValueError("rotary positions need the rotation of a decode position")
        queries, keys, values = self.project(query)
        if self.query_norm is not None or self.positions is not None:
            queries = ops.reshape(queries, (-1, self.num_heads, self.head_dim))
            queries = self._placed(queries, self.query_norm, position.rotation)
            keys = ops.reshape(keys, (-1, self.num_key_value_heads, self.head_dim))
            keys = self._placed(keys, self.key_norm, position.rotation)
        # Without a length T the heads of [N, D] lie as the cache wants them, so nothing here is transposed.
        cache = tuple(write_position(old, new, position) for old, new in zip(cache, (keys, values), strict=True))
        queries, mask_logits = self._scaled(queries), self._logits_mask(position.visible, position.bias)
        if prompt is None:
            attended = attend_own(queries, *cache, mask_logits=mask_logits)
        else:
            attended = attend_after_prompt(
                queries,
                *cache,
                prompt=prompt,
                mask_logits=mask_logits,
                mask_prompt_logits=self._logits_mask(position.prompt_visible),
            )
        return self.output_projection(attended), cache

    def attend_cached(self, query: Any, keys_and_values: Any, visible: Any) -> Any:
        """Cross-attention of N = B * M hypotheses, M to a row, to keys and values computed once by `keys_and_values`.

        Args:
            query: float `[N, D]`, hypotheses of a row next to each other.
            keys_and_values: two tensors `[B, H', S, K]`.
            visible: bool `[B, 1, 1, S]`, True for real tokens.

        Returns:
            float `[N, D]`.
        """
        queries = self.query(query)
        if self.query_norm is not None:
            queries = self.query_norm(ops.reshape(queries, (-1, self.num_heads, self.head_dim)))
        attended = attend_shared(self._scaled(queries), *keys_and_values, mask_logits=self._logits_mask(visible))
        return self.output_projection(attended)

    def _scaled(self, queries):
        queries = queries if self.scale == 1.0 else queries * self.scale
        return ops.reshape(queries, (-1, self.num_key_value_heads, self._group, self.head_dim))

    def _logits_mask(self, visible, bias=None):
        """What a step does with its logits before the softmax."""
        if bias is None:
            return lambda logits: ops.where(visible, self._capped(logits), _HIDDEN)
        if self._group > 1:
            bias = ops.reshape(bias, (1, self.num_key_value_heads, self._group, -1))
        return lambda logits: self._capped(logits) + bias

    def compute_output_shape(self, query_shape: Any, key_value_shape: Any = None) -> tuple:
        """`[B, T, D]`."""
        return (*query_shape[:-1], self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        positions = None if self.positions is None else keras.saving.serialize_keras_object(self.positions)
        return {**super().get_config(), **self._config, "positions": positions}


def _all_of(masks):
    """The masks as one, or None for none."""
    joint = None
    for mask in masks:
        joint = mask if joint is None else ops.logical_and(joint, mask)
    return joint


def _check_sizes(hidden_dim, num_heads, num_key_value_heads, head_dim, positions, window):
    if num_heads < 1 or (head_dim is None and hidden_dim % num_heads):
        raise UserError(f"hidden_dim must be a multiple of num_heads, got {hidden_dim} and {num_heads}")
    if num_key_value_heads is not None and (num_key_value_heads < 1 or num_heads % num_key_value_heads):
        raise UserError(
            f"num_heads must be a multiple of num_key_value_heads, got {num_heads} and {num_key_value_heads}"
        )
    if positions is not None and not isinstance(positions, RotaryPositions):
        raise UserError(f"positions must be RotaryPositions or None, got {positions!r}")
    width = head_dim or hidden_dim // num_heads
    if positions is not None and positions.dim > width:
        raise UserError(f"rotary positions of {positions.dim} entries do not fit into heads of {width}")
    check_range("window", window, least=1)
