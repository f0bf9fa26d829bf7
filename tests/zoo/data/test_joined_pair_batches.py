"""Rows `source separator target end`: by hand, read back from batches of any size, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import JoinedPairBatches
from zoo.errors import UserError

EOS, PAD, SEPARATOR = 2, 0, (4, 3)


def encode(texts):
    """A tokenizer of numbers: "5 6" -> [5, 6]."""
    return [[int(word) for word in text.split()] for text in texts]


def make(pairs, **options):
    defaults = dict(batch_size_tokens=128, max_source_length=32, max_target_length=32)
    return JoinedPairBatches(
        pairs, encode, encode, separator_ids=SEPARATOR, eos_id=EOS, pad_id=PAD, **{**defaults, **options}
    )


def rows_in(batch):
    """Reads (source, target) back out of a batch, checking every place of it."""
    x, labels, weights = batch
    (token_ids,) = x.values()
    assert token_ids.dtype == labels.dtype == np.int32 and weights.dtype == np.float32
    found = []
    for row, label, weight in zip(token_ids.tolist(), labels.tolist(), weights.tolist(), strict=True):
        if not any(weight):
            assert set(row) == set(label) == {PAD}
            continue
        end = label.index(EOS)
        whole = [*row[: end + 1], EOS]
        assert label[: end + 1] == whole[1:]
        assert set(row[end + 1 :]) | set(label[end + 1 :]) <= {PAD}
        start = next(i for i in range(len(whole)) if tuple(whole[i : i + 2]) == SEPARATOR)
        assert weight == [float(start + 1 <= place <= end) for place in range(len(row))]
        found.append((whole[:start], whole[start + 2 : -1]))
    return found


def test_rows_by_hand():
    ((x, labels, weights),) = make([("7 8 9", "5 6"), ("7", "6")], length_multiple=4, shuffle=False).epoch(0)
    assert {name: array.tolist() for name, array in x.items()} == {
        "token_ids": [[7, 4, 3, 6, 0, 0, 0, 0], [7, 8, 9, 4, 3, 5, 6, 0]]
    }
    assert labels.tolist() == [[4, 3, 6, 2, 0, 0, 0, 0], [8, 9, 4, 3, 5, 6, 2, 0]]
    assert weights.tolist() == [[0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 0]]


def test_real_places_are_counted():
    batches = make([("7 8 9", "5 6"), ("7", "6")], length_multiple=4)
    list(batches.epoch(0))
    assert batches.padding_efficiency == (7 + 4) / 16


tokens = st.lists(st.integers(10, 99), min_size=1, max_size=9)


@settings(max_examples=100, deadline=None)
@given(
    pairs=st.lists(st.tuples(tokens, tokens), min_size=1, max_size=40),
    fixed_rows=st.booleans(),
    shuffle=st.booleans(),
    multiple=st.sampled_from([1, 4, 8]),
)
def test_every_pair_comes_once_an_epoch(pairs, fixed_rows, shuffle, multiple):
    texts = [tuple(" ".join(map(str, side)) for side in pair) for pair in pairs]
    # The longest row is 11 + 10 - 1 places, which is no multiple of 8.
    limits = dict(max_source_length=11, max_target_length=10, batch_size_tokens=60)
    batches = make(texts, fixed_rows=fixed_rows, shuffle=shuffle, length_multiple=multiple, **limits)
    found = []
    for batch in batches.epoch(1):
        rows, width = batch[1].shape
        assert rows * width <= 60 and (width % multiple == 0 or width == 20)
        assert not fixed_rows or rows == 60 // width
        found += rows_in(batch)
    assert len({batch[1].shape for batch in batches.epoch(1)}) <= (batches.most_shapes or len(pairs))
    assert batches.most_shapes == ({1: 20, 4: 5, 8: 3}[multiple] if fixed_rows else None)
    assert sorted(found) == sorted(map(tuple, pairs))
    assert batches.report.kept == len(pairs)


def test_lengths_count_separator_and_end():
    pairs = [("7 " * 5, "6 " * 3), ("7 " * 6, "6"), ("7", "6 " * 4), ("", "6")]
    batches = make(pairs, max_source_length=7, max_target_length=4)
    assert [pair for batch in batches.epoch(0) for pair in rows_in(batch)] == [([7] * 5, [6] * 3)]
    report = batches.report
    assert (report.source_too_long, report.target_too_long, report.empty) == (1, 1, 1)


def test_what_cannot_be():
    with pytest.raises(UserError, match="batch_size_tokens=62 is less than the 63 places of the longest row"):
        make([("7", "6")], batch_size_tokens=62)
    with pytest.raises(UserError, match="separator_ids is empty"):
        JoinedPairBatches(
            [("7", "6")],
            encode,
            encode,
            separator_ids=(),
            eos_id=EOS,
            pad_id=PAD,
            batch_size_tokens=64,
            max_source_length=8,
            max_target_length=8,
        )
    with pytest.raises(UserError, match="no text pair is left to train on"):
        list(make([("", "6")]).epoch(0))
