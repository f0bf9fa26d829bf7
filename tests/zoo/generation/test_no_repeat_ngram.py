"""Blocked tokens against a definition in plain Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from search_references import repeats_ngram

from zoo.generation.no_repeat_ngram import repeating_tokens


@given(
    tokens=st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), min_size=1, max_size=4),
    index=st.integers(0, 9),
    size=st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_equals_the_definition(tokens, index, size):
    # What lies beyond `index` is rubbish that must not matter.
    found = repeating_tokens(ops.array(tokens, dtype="int32"), ops.array(index, dtype="int32"), size, 4)
    found = ops.convert_to_numpy(found)
    for row, sequence in enumerate(tokens):
        past = sequence[:index]
        earlier = {tuple(past[i : i + size]) for i in range(len(past) - size + 1)}
        for token in range(4):
            expected = len(past) >= size - 1 and tuple([*past, token][-size:]) in earlier
            assert found[row, token] == expected
            if not repeats_ngram(past, size):
                assert found[row, token] == repeats_ngram([*past, token], size)


def test_ngram_longer_than_the_buffer():
    found = repeating_tokens(ops.array([[1, 1, 1]], dtype="int32"), ops.array(3, dtype="int32"), 5, 4)
    assert not np.any(ops.convert_to_numpy(found))
