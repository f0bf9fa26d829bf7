"""Blocked tokens against a definition in plain Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from search_references import repeats_ngram

from zoo.generation.no_repeat_ngram import without_repeated_ngrams


def blocked(tokens, index, size, vocabulary_size=4):
    """bool [N, V]; checks that the other logits are as they were."""
    logits = np.random.default_rng(0).normal(size=(len(tokens), vocabulary_size)).astype("float32")
    found = without_repeated_ngrams(
        ops.convert_to_tensor(logits), ops.array(tokens, dtype="int32"), ops.array(index, dtype="int32"), size
    )
    found = ops.convert_to_numpy(found)
    np.testing.assert_array_equal(found[np.isfinite(found)], logits[np.isfinite(found)])
    return np.isneginf(found)


@given(
    tokens=st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), min_size=1, max_size=4),
    index=st.integers(0, 9),
    size=st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_equals_the_definition(tokens, index, size):
    # What lies beyond `index` is rubbish that must not matter.
    found = blocked(tokens, index, size)
    for row, sequence in enumerate(tokens):
        past = sequence[:index]
        earlier = {tuple(past[i : i + size]) for i in range(len(past) - size + 1)}
        for token in range(4):
            expected = len(past) >= size - 1 and tuple([*past, token][-size:]) in earlier
            assert found[row, token] == expected
            if not repeats_ngram(past, size):
                assert found[row, token] == repeats_ngram([*past, token], size)


def test_ngram_longer_than_the_buffer():
    assert not blocked([[1, 1, 1]], 3, 5).any()


def test_impossible_tokens_stay_impossible():
    logits = ops.array([[-float("inf"), -float("inf"), 1.0]])
    found = without_repeated_ngrams(logits, ops.array([[0, 0, 2]], dtype="int32"), ops.array(2, dtype="int32"), 1)
    assert ops.convert_to_numpy(found).tolist() == [[-np.inf, -np.inf, 1.0]]
