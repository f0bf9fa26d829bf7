"""Windows against a plain loop over windows and tokens."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.data.batches.token_windows import cut_windows, merge_windows, window_starts
from zoo.errors import UserError

SHAPES = [(4, 2), (5, 5), (7, 3), (1, 1), (6, 1)]
LENGTHS = [0, 13, 4, 5, 1, 20, 7]


@pytest.mark.parametrize(("window", "stride"), SHAPES)
def test_windows_cover_every_token_and_are_full(window, stride):
    for length in range(25):
        starts = window_starts(length, window, stride).tolist()
        covered = {token for start in starts for token in range(start, min(start + window, length))}
        assert covered == set(range(length))
        assert starts == sorted(set(starts))
        assert all(start + window <= length for start in starts) or starts == [0]
        # No window could be left out.
        assert len(starts) == 1 or len(starts) == 2 + (length - window - 1) // stride


def test_values():
    assert window_starts(10, 4, 3).tolist() == [0, 3, 6]
    assert window_starts(9, 4, 3).tolist() == [0, 3, 5]
    assert window_starts(0, 4, 3).tolist() == [0]


@pytest.mark.parametrize(("window", "stride", "message"), [(0, 1, "window"), (4, 0, "stride"), (4, 5, "stride")])
def test_windows_that_would_leave_tokens_out(window, stride, message):
    for call in (
        lambda: window_starts(9, window, stride),
        lambda: cut_windows(tf.ragged.constant([[1]]), window, stride),
    ):
        with pytest.raises(UserError, match=message):
            call()


def run(lengths, window, stride):
    """Cuts in a graph of unknown sizes; as values, a "model" gives each token its id and the number of the window."""

    def cut_and_merge(token_ids):
        windows = cut_windows(token_ids, window, stride, pad_id=-9)
        numbers = tf.range(tf.size(windows.rows))[:, tf.newaxis]
        values = tf.stack([windows.token_ids, numbers + tf.zeros_like(windows.token_ids)], -1)
        return windows, merge_windows(tf.cast(values, tf.float32), windows, window, stride)

    traced = tf.function(cut_and_merge, [tf.RaggedTensorSpec([None, None], tf.int32)], autograph=False)
    tokens = tf.range(100, 100 + sum(lengths), dtype=tf.int32)
    windows, merged = traced(tf.RaggedTensor.from_row_lengths(tokens, lengths))
    return type(windows)(*(part.numpy() for part in windows)), merged.numpy()


@pytest.mark.parametrize(("window", "stride"), SHAPES)
def test_cut_and_merge_in_graph(window, stride):
    windows, merged = run(LENGTHS, window, stride)
    assert merged.shape == (len(LENGTHS), max(LENGTHS), 2)
    first_token, number = 100, 0
    for row, length in enumerate(LENGTHS):
        starts = window_starts(length, window, stride)
        for order, start in enumerate(starts):
            size = min(window, length - start)
            assert (windows.rows[number + order], windows.starts[number + order]) == (row, start)
            assert windows.lengths[number + order] == size
            expected = list(range(first_token + start, first_token + start + size))
            padding = [-9] * (windows.token_ids.shape[1] - size)
            assert windows.token_ids[number + order].tolist() == expected + padding
        for token in range(length):
            contexts = [
                min(token - start, min(start + window, length) - 1 - token) if start <= token < start + window else -1
                for start in starts
            ]
            assert merged[row, token].tolist() == [first_token + token, number + int(np.argmax(contexts))]
        assert (merged[row, length:] == 0).all()
        number += len(starts)
        first_token += length
    assert len(windows.rows) == number
    assert windows.token_ids.shape[1] == min(window, max(LENGTHS))
    assert windows.text_lengths.tolist() == LENGTHS


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_no_tokens(lengths):
    windows, merged = run(lengths, 4, 2)
    assert windows.token_ids.shape == (len(lengths), 0)
    assert merged.shape == (len(lengths), 0, 2)
