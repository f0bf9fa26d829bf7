"""Attention of single positions to a static cache of keys and values, laid out `[N, H', S, K]`.

N rows, H' heads of keys and values (G times as many of queries), S positions, K the width of a head. Both products are
then batched matrix products without a transpose of the cache. What is the same for all blocks of a model
(`DecodePosition`) is computed once a step: in small models the time of a step goes into the number of its operations.

Attention with a window of W positions has a cache of at most W: a ring, in which a new position takes the place of the
one that leaves the window. The last W - 1 positions of prompts come first in it, at its start, of shorter prompts those
that there are, right before the first step's.
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops, tree

from zoo.layers.rotary_positions import shared_rotations
from zoo.layers.row_products import row_products


class DecodePosition(NamedTuple):
    """Where a step writes into the caches of a model's blocks, and what it sees then.

    Attributes:
        cache_index: int32 scalar, the new position in the caches.
        visible: bool `[1, 1, 1, S]` or `[N, 1, 1, S]`, the positions of the cache that are seen.
        region: under TensorFlow what `write_position` needs to know, else None.
        prompt_visible: bool `[B, 1, 1, 1, P]`, the seen positions of prompts that are not in the cache; of these the
            last W - 1 with a window.
        rotation: `Rotation` of the new tokens, `[1, R / 2]` or `[N, R / 2]`; None without rotary positions.
        bias: float32 `[1, H, 1, S]` that is added to logits and hides what is not visible, in place of `visible`.
    """

    cache_index: Any
    visible: Any
    region: Any
    prompt_visible: Any = None
    rotation: Any = None
    bias: Any = None


class _Region(NamedTuple):
    """Shapes of a cache, of one with two dimensions and of what is written into it; where that begins and ends."""

    cache: Any
    flat: Any
    written: Any
    begin: Any
    end: Any


def _region(keys, position):
    import tensorflow as tf

    shape = tf.shape(keys)
    width = keys.shape[3]
    rows, start = shape[0] * shape[1], position * width
    return _Region(
        shape,
        flat=tf.stack([rows, shape[2] * width]),
        written=tf.stack([rows, width]),
        begin=tf.stack([0, start]),
        end=tf.stack([0, start + width]),
    )


def decode_position(keys, index, prompt_mask=None, prompts_apart=False, window=None):
    """The `DecodePosition` of a step, without a rotation.

    Args:
        keys: The keys of any block with this window, `[N, H, S, K]`.
        index: int32 scalar, the position that the step writes and the last that it sees; the same for every row.
        prompt_mask: bool or int `[N, P]`, True for real tokens, where the cache begins with P positions of prompts;
            `index` is counted from their end.
        prompts_apart: Whether the prompts are not in the cache; their mask is then `[B, P]`, for N = B * G.
        window: How many positions a token sees, itself and those right before it; all if None. The cache is then a
            ring of that many, or of those that there are so far.
    """
    index = ops.cast(index, "int32")
    in_prompt = None if prompt_mask is None else ops.cast(prompt_mask, "bool")
    if window is None:
        position, visible, in_prompt = _in_line(keys, index, in_prompt, prompts_apart)
    else:
        position, visible, in_prompt = _in_ring(keys, index, in_prompt, prompts_apart, window)
    region = _region(keys, position) if keras.config.backend() == "tensorflow" else None
    prompt_visible = None if in_prompt is None else in_prompt[:, None, None, None]
    return DecodePosition(position, visible[:, None, None], region, prompt_visible)


def _in_line(keys, index, in_prompt, prompts_apart):
    """Place, and what is visible of the cache and of prompts apart from it, where all positions are kept."""
    num_rows, length = ops.shape(keys)[0], ops.shape(keys)[2]
    before = 0 if in_prompt is None or prompts_apart else ops.shape(in_prompt)[1]
    visible = (ops.arange(length - before, dtype="int32") <= index)[None]
    if in_prompt is not None and not prompts_apart:
        visible = ops.broadcast_to(visible, (num_rows, length - before))
        visible, in_prompt = ops.concatenate([in_prompt, visible], axis=1), None
    return index + before, visible, in_prompt


def _in_ring(keys, index, in_prompt, prompts_apart, window):
    """The same with a ring. Positions are counted from the end of each prompt: its own are negative."""
    before, first = 0, ops.zeros((1, 1), "int32")
    if in_prompt is not None:
        before = smaller(ops.shape(in_prompt)[1], window - 1)
        first = -ops.minimum(ops.sum(ops.cast(in_prompt, "int32"), axis=1, keepdims=True), before)
    in_cache = 0 if prompts_apart else before
    # What each place holds: the last position that came there; where none has, one before the beginning.
    held = index - ops.mod(index + in_cache - ops.arange(ops.shape(keys)[2], dtype="int32")[None], window)
    visible = held >= (0 if prompts_apart else first)
    if prompts_apart:
        held = ops.arange(before, dtype="int32")[None] - before
        in_prompt = ops.logical_and(held >= first, held > index - window)
    else:
        in_prompt = None
    return ops.mod(index + in_cache, window), visible, in_prompt


def decode_positions(attentions, cache, index, positions=None, prompt_mask=None, prompts_apart=False):
    """The `DecodePosition` of each block in a step, computed once for all blocks of a kind.

    Args:
        attentions: The `Attention` of each block to itself.
        cache: Keys and values of each block.
        index, prompt_mask, prompts_apart: See `decode_position`.
        positions: int32 `[N]` of the new tokens in their sequences; `index` if None.

    Returns:
        list of `DecodePosition`.
    """
    keys_by_window = {layer.window: keys for layer, (keys, _) in zip(attentions, cache, strict=True)}
    by_window = {
        window: decode_position(keys, index, prompt_mask, prompts_apart, window)
        for window, keys in keys_by_window.items()
    }
    positions = ops.reshape(ops.cast(index, "int32"), (1,)) if positions is None else positions
    rotations = shared_rotations(attentions, positions)
    return [
        by_window[layer.window] if rotation is None else by_window[layer.window]._replace(rotation=rotation)
        for layer, rotation in zip(attentions, rotations, strict=True)
    ]


def empty_cache(num_rows, num_heads, max_length, head_dim, dtype):
    """A zero cache: keys and values, each `[num_rows, num_heads, max_length, head_dim]`."""
    shape = (num_rows, num_heads, max_length, head_dim)
    return ops.zeros(shape, dtype), ops.zeros(shape, dtype)


def lengthened_cache(cache, extra, window=None):
    """A cache with room for more positions at its end.

    Args:
        cache: Nest of keys and values, `[N, H, S, K]` each.
        extra: int32 scalar.
        window: Positions beyond which it does not grow; None if it grows with every step.

    Returns:
        The same nest, `[N, H, S + extra, K]` each, or `[N, H, window, K]`.
    """

    def longer(leaf):
        room = extra if window is None else smaller(extra, window - ops.shape(leaf)[2])
        return ops.pad(leaf, ((0, 0), (0, 0), (0, room), (0, 0)))

    return tree.map_structure(longer, cache)


def most_recent(cache, ends, most):
    """The last positions of each row that come before its end, next to each other at the end.

    Args:
        cache: Keys or values, `[N, H, S, K]`.
        ends: int32 `[N]`.
        most: How many, an int or an int32 scalar, at most S; places that a row is too short for have no meaning.

    Returns:
        `[N, H, most, K]`.
    """
    places = ops.maximum(ends[:, None] - most + ops.arange(most, dtype="int32"), 0)
    if keras.config.backend() != "tensorflow":
        return ops.take_along_axis(cache, places[:, None, :, None], axis=2)
    import tensorflow as tf

    return tf.gather(cache, places, axis=2, batch_dims=1)


def smaller(one, other):
    """The smaller of two lengths, each an int or an int32 scalar tensor; an int of two ints."""
    if isinstance(one, int) and isinstance(other, int):
        return min(one, other)
    return ops.minimum(one, other)


def write_position(cache, new, position):
    """Writes the keys or the values `new` of one position, `[N, H * K]`, into a cache.

    Under TensorFlow this is an operation that needs no XLA (and that XLA cannot compile). It does not copy a cache that
    nothing else holds, as in a loop, which operations that scatter always do on CPUs.
    """
    new = ops.cast(new, cache.dtype)
    if keras.config.backend() != "tensorflow":
        num_rows, num_heads, _, head_dim = ops.shape(cache)
        new = ops.reshape(new, (num_rows, num_heads, 1, head_dim))
        return ops.slice_update(cache, (0, 0, position.cache_index, 0), new)
    import tensorflow as tf

    written = tf.raw_ops.TensorStridedSliceUpdate(
        # Of two dimensions, since that takes half the time of four.
        input=tf.reshape(cache, position.region.flat),
        begin=position.region.begin,
        end=position.region.end,
        strides=[1, 1],
        value=tf.reshape(new, position.region.written),
        begin_mask=1,
        end_mask=1,
    )
    return tf.reshape(written, position.region.cache)


def step_softmax(logits):
    """Softmax over the last axis for the few numbers of a step.

    In two operations, since that of TensorFlow is one of oneDNN's on CPUs, which takes 30 microseconds to begin.
    """
    return ops.exp(ops.log_softmax(logits, axis=-1))


def attend_own(queries, keys, values, mask_logits):
    """Attention of each row to keys and values of its own.

    Args:
        queries: float `[N, H', G, K]`, scaled already: G heads of queries to each of H' heads of keys.
        keys, values: float `[N, H', S, K]`.
        mask_logits: Function that masks float32 logits `[N, H', G, S]`: they become low where a position is not seen.

    Returns:
        float `[N, H' * G * K]`.
    """
    logits = ops.cast(row_products(queries, keys, transposed=True), "float32")
    weights = ops.cast(step_softmax(mask_logits(logits)), values.dtype)
    return _joined(row_products(weights, values), queries)


def attend_shared(queries, keys, values, mask_logits):
    """Attention of N = B * M rows to keys and values that M rows next to each other share.

    The M rows attend as M query positions of one row.

    Args:
        queries: float `[N, H', G, K]`, scaled already.
        keys, values: float `[B, H', S, K]`.
        mask_logits: Function that masks float32 logits `[B, H', M * G, S]`, likewise.

    Returns:
        float `[N, H' * G * K]`.
    """
    _, num_heads, group, head_dim = queries.shape
    batch = ops.shape(keys)[0]
    grouped = ops.reshape(queries, (batch, -1, num_heads, group * head_dim))
    grouped = ops.transpose(grouped, (0, 2, 1, 3))
    if group > 1:
        grouped = ops.reshape(grouped, (batch, num_heads, -1, head_dim))
    logits = ops.cast(ops.matmul(grouped, ops.transpose(keys, (0, 1, 3, 2))), "float32")
    weights = ops.cast(step_softmax(mask_logits(logits)), values.dtype)
    attended = ops.matmul(weights, values)
    if group > 1:
        attended = ops.reshape(attended, (batch, num_heads, -1, group * head_dim))
    return _joined(ops.transpose(attended, (0, 2, 1, 3)), queries)


def attend_after_prompt(queries, keys, values, prompt, mask_logits, mask_prompt_logits):
    """Attention of N = B * M rows to a prompt that M rows next to each other share, and to what each has after it.

    One softmax goes over the positions of both.

    Args:
        queries: float `[N, H', G, K]`, scaled already.
        keys, values: float `[N, H', S, K]`.
        prompt: keys and values, float `[B, H', P, K]` each; P may be 0.
        mask_logits: As of `attend_own`, for what comes after the prompt.
        mask_prompt_logits: The same for the prompt, of logits `[B, M, H', G, P]`.

    Returns:
        float `[N, H' * G * K]`.
    """
    prompt_keys, prompt_values = prompt
    _, num_heads, group, head_dim = queries.shape
    batch, length = ops.shape(prompt_keys)[0], ops.shape(prompt_keys)[2]
    grouped = ops.reshape(queries, (batch, -1, num_heads, group, head_dim))
    prompt_logits = ops.cast(ops.einsum("bmhgk,bhpk->bmhgp", grouped, prompt_keys), "float32")
    prompt_logits = mask_prompt_logits(prompt_logits)
    own_logits = mask_logits(ops.cast(row_products(queries, keys, transposed=True), "float32"))
    num_rows = ops.shape(own_logits)[0]
    prompt_logits = ops.reshape(prompt_logits, (num_rows, num_heads, group, length))
    weights = step_softmax(ops.concatenate([prompt_logits, own_logits], axis=-1))
    weights = ops.cast(weights, values.dtype)
    # Not -1: a prompt of no positions would leave it undetermined.
    grouped_shape = (batch, ops.shape(grouped)[1], num_heads, group, length)
    prompt_weights = ops.reshape(weights[..., :length], grouped_shape)
    from_prompt = ops.einsum("bmhgp,bhpk->bmhgk", prompt_weights, prompt_values)
    return _joined(row_products(weights[..., length:], values), queries) + _joined(from_prompt, queries)


def _joined(attended, queries):
    """What rows attended to, `[N, H' * G * K]` of any shape whose last dimensions are these."""
    return ops.reshape(attended, (-1, math.prod(queries.shape[1:])))
