from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.batches.length_buckets import bucket_lengths, cut_batches, num_buckets, similar_lengths_first


def test_bucket_lengths_round_up_but_not_above_the_maximum():
    assert bucket_lengths(np.array([1, 8, 9, 16, 17, 20]), 8, 20).tolist() == [8, 8, 16, 16, 20, 20]
    assert bucket_lengths(np.array([1, 5]), 1, 20).tolist() == [1, 5]


@given(maximum=st.integers(1, 50), multiple=st.integers(1, 12))
def test_buckets_are_counted(maximum, multiple):
    assert num_buckets(maximum, multiple) == len(set(bucket_lengths(np.arange(1, maximum + 1), multiple, maximum)))


buckets = st.lists(st.tuples(st.sampled_from([2, 4, 6, 20]), st.sampled_from([2, 4, 6, 20])), max_size=60)


@given(pairs=buckets, budget=st.integers(20, 90))
def test_batches_cover_everything_and_no_row_more_would_fit(pairs, budget):
    source, target = np.array(pairs, int).reshape(-1, 2).T
    batches = cut_batches(source, target, budget)
    assert [row for start, stop in batches for row in range(start, stop)] == list(range(len(pairs)))
    for start, stop in batches:
        assert start < stop
        assert (stop - start) * max(source[start:stop].max(), target[start:stop].max()) <= budget
        if stop < len(pairs):
            widest = max(source[start : stop + 1].max(), target[start : stop + 1].max())
            assert (stop + 1 - start) * widest > budget


@given(pairs=buckets)
def test_similar_lengths_are_neighbours(pairs):
    source, target = np.array(pairs, int).reshape(-1, 2).T
    order = similar_lengths_first(source, target)
    assert sorted(order.tolist()) == list(range(len(pairs)))
    arranged = [pairs[index] for index in order]
    changes = sum(a != b for a, b in pairwise(arranged))
    assert changes == max(0, len(set(pairs)) - 1)  # each combination of lengths is one stretch
    assert all(a[1] <= b[1] for a, b in pairwise(arranged))
    for combination in set(pairs):  # and inside it the order is the one of the input
        rows = [index for index in order if pairs[index] == combination]
        assert rows == sorted(rows)
