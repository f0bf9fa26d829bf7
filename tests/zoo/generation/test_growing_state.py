"""A state that grows gives what one of full length gives, and is never longer than twice the steps that were made."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.generation import BeamSearch, DecodeOptions, Greedy, Sampling
from zoo.layers.key_value_cache import lengthened_cache

ROWS, VOCABULARY = 3, 11
WEIGHTS = np.random.default_rng(4).normal(size=(64, VOCABULARY)).astype("float32") * 3


def step(token_ids, index, state):
    """Logits that depend on every token so far and on its place."""
    here = tf.range(tf.shape(state)[2]) == index
    state = tf.where(here[:, None], tf.cast(token_ids, "float32")[:, None, None, None], state)
    visible = tf.gather(WEIGHTS, tf.range(tf.shape(state)[2])) * state[:, 0]
    return tf.reduce_sum(tf.sin(visible), axis=1) + tf.gather(WEIGHTS, token_ids), state


def found(search, length, limits, lengths_seen=None, grows=False):
    def recorded(token_ids, index, state):
        if lengths_seen is not None:
            lengths_seen.append(state.shape[2])
        return step(token_ids, index, state)

    rows = ROWS * search.num_sequences(1)
    options = DecodeOptions(
        eos_id=0,
        pad_id=0,
        max_new_tokens=limits,
        loop_length=length,
        lengthen=lengthened_cache if grows else None,
    )
    state = tf.zeros((rows, 1, 0 if grows else length, 1))
    return search(recorded, state, tf.constant([1, 2, 3]), options)


@pytest.mark.parametrize(
    "search", [Greedy(), BeamSearch(3), Sampling(seed=5)], ids=lambda search: type(search).__name__
)
def test_the_result_is_that_of_full_length(search):
    @tf.function(input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([ROWS], tf.int32)])
    def both(length, limits):
        return found(search, length, limits), found(search, length, limits, grows=True)

    numbers = []
    for length in (0, 1, 16, 17, 40):
        full, grown = both(length, np.minimum([length, length - 1, 5], length).clip(0))
        for ours, theirs in zip(grown, full, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        numbers.extend(np.ravel(full.lengths))
    assert max(numbers) > 32 and len(set(numbers)) > 4


def test_room_is_made_in_time():
    lengths = []
    keras.ops.convert_to_numpy(found(Greedy(), 40, [40, 40, 40], lengths, grows=True).token_ids)
    assert lengths == ([16] * 16 + [32] * 16 + [40] * 8)[: len(lengths)] and len(lengths) > 32
