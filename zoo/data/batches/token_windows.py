"""Texts longer than a model's window, cut into windows that overlap, and the model's answers put together again.

Windows begin every `stride` tokens; the last one is moved back so that it is full too. (Elsewhere "stride" is the
overlap, which is `window - stride` here.) With a stride of half a window, every token has at least a quarter of a
window of context on each side where the text goes on that far. Special tokens are not counted here: callers add them
to each window.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.errors import UserError


def window_starts(length, window, stride):
    """Where the windows of one text begin.

    Args:
        length: Number of tokens. A text of no more than `window` tokens has one window, an empty one too.
        window: Most tokens of a window.
        stride: Tokens from the start of one window to the start of the next.

    Returns:
        int64 [K]: ascending; window k covers tokens start to min(start + window, length).

    Raises:
        UserError: `window` or `stride` is below 1, or `stride` above `window`, which would leave tokens out.

    Example:
        >>> window_starts(10, window=4, stride=3).tolist()
        [0, 3, 6]
        >>> window_starts(9, window=4, stride=3).tolist()
        [0, 3, 5]
    """
    check_window(window, stride)
    count = 1 + max(0, -(-(length - window) // stride))
    return np.minimum(np.arange(count) * stride, max(0, length - window))


def check_window(window, stride):
    """Refuses windows that leave tokens out.

    Raises:
        UserError: naming the value.
    """
    if window < 1:
        raise UserError(f"the window must hold at least 1 token, not {window}")
    if not 1 <= stride <= window:
        raise UserError(f"stride must be between 1 and the window of {window} tokens, not {stride}")


class TokenWindows(NamedTuple):
    """Windows of a batch of texts, as dense tensors.

    B texts, N windows of them all, W tokens the longest window.

    Attributes:
        token_ids: int32 [N, W], `pad_id` after the end.
        lengths: int32 [N], tokens of each window.
        rows: int32 [N], ascending: the text each window is from.
        starts: int32 [N]: the token of the text with which it begins.
        text_lengths: int32 [B], tokens of each text.
    """

    token_ids: tf.Tensor
    lengths: tf.Tensor
    rows: tf.Tensor
    starts: tf.Tensor
    text_lengths: tf.Tensor


def cut_windows(token_ids, window, stride, pad_id: int | None = 0):
    """Cuts texts into windows as `window_starts` does; in graph, all sizes unknown while tracing.

    Args:
        token_ids: int32 ragged [B, None].
        window, stride: Python ints, as for `window_starts`.
        pad_id: Python int.

    Returns:
        `TokenWindows` with N >= B: every text has a window, if an empty one.

    Raises:
        UserError: As `window_starts`.
    """
    check_window(window, stride)
    text_lengths = tf.cast(token_ids.row_lengths(), tf.int32)
    rows, order = _window_order(text_lengths, window, stride)
    starts = tf.minimum(order * stride, tf.maximum(tf.gather(text_lengths, rows) - window, 0))
    lengths = tf.minimum(tf.gather(text_lengths, rows) - starts, window)
    width = tf.reduce_max(tf.concat([lengths, [0]], 0))
    first_tokens = tf.gather(tf.cast(token_ids.row_starts(), tf.int32), rows) + starts
    places = tf.range(width)[tf.newaxis]
    real = places < lengths[:, tf.newaxis]
    # One token more, so that padding has something to point at even when there is no token at all.
    flat = tf.concat([tf.cast(token_ids.flat_values, tf.int32), [pad_id]], 0)
    indices = tf.where(real, first_tokens[:, tf.newaxis] + places, tf.size(flat) - 1)
    return TokenWindows(tf.gather(flat, indices), lengths, rows, starts, text_lengths)


def merge_windows(values, windows, window, stride):
    """Puts what a model says about windows together to what it says about texts; in graph.

    Where windows overlap, a token's values are those from the window in which it has most context on its poorer
    side; of two such windows, from the earlier one. They are not averaged: a token near the edge of a window is
    judged on half the evidence.

    Args:
        values: [N, W, C], one vector a token of a window, from the model. Values of padding are not used.
        windows: The `TokenWindows` that `cut_windows` returned.
        window, stride: As they were for `cut_windows`.

    Returns:
        [B, T, C] where T is the length of the longest text; 0 after the end of a text.
    """
    lengths = windows.text_lengths
    counts = _window_counts(lengths, window, stride)
    longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
    positions = tf.range(longest)[tf.newaxis]
    # Context on the poorer side is best where the window's middle is nearest: for the window that begins next to
    # `position - (window - 1) / 2` on one side or the other. Twice that, to stay with integers.
    wanted = 2 * positions - (window - 1)
    lower = tf.maximum(tf.minimum(wanted // (2 * stride), counts[:, tf.newaxis] - 1), 0)
    upper = tf.minimum(lower + 1, counts[:, tf.newaxis] - 1)
    last_starts = tf.maximum(lengths - window, 0)[:, tf.newaxis]

    def start_and_distance(order):
        start = tf.minimum(order * stride, last_starts)
        return start, tf.abs(2 * start - wanted)

    lower_start, lower_distance = start_and_distance(lower)
    upper_start, upper_distance = start_and_distance(upper)
    take_lower = lower_distance <= upper_distance
    first_windows = tf.cumsum(counts, exclusive=True)[:, tf.newaxis]
    chosen = first_windows + tf.where(take_lower, lower, upper)
    offsets = positions - tf.where(take_lower, lower_start, upper_start)
    real = positions < lengths[:, tf.newaxis]
    shape = tf.shape(values)
    flat = tf.concat([tf.reshape(values, [shape[0] * shape[1], shape[2]]), tf.zeros([1, shape[2]], values.dtype)], 0)
    merged = tf.gather(flat, tf.where(real, chosen * shape[1] + offsets, shape[0] * shape[1]))
    return tf.ensure_shape(merged, [None, None, values.shape[-1]])


def _window_counts(lengths, window, stride):
    """int32 [B], how many windows each text has."""
    return 1 + tf.maximum(lengths - window + stride - 1, 0) // stride


def _window_order(lengths, window, stride):
    """For every window, the text it is from and which of that text's windows it is."""
    counts = _window_counts(lengths, window, stride)
    rows = tf.repeat(tf.range(tf.size(counts)), counts)
    order = tf.range(tf.size(rows)) - tf.gather(tf.cumsum(counts, exclusive=True), rows)
    return rows, order
