import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.batches import encoded_pairs
from zoo.data.batches.encoded_pairs import EncodedPairs, TokenRows

rows_of_ids = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), max_size=12)


def unpacked(side):
    return [
        side.tokens[start : start + length].tolist() for start, length in zip(side.starts, side.lengths, strict=True)
    ]


@given(rows=rows_of_ids, as_arrays=st.booleans(), data=st.data())
def test_pack_select_and_gather(rows, as_arrays, data):
    packed = TokenRows.from_sequences([np.array(row, np.int64) for row in rows] if as_arrays else rows)
    assert packed.tokens.dtype == np.int32
    assert unpacked(packed) == rows
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10)) if rows else []
    selected = packed.select(np.array(chosen, int))
    assert unpacked(selected) == [rows[index] for index in chosen]
    assert packed.gather(np.array(chosen, int)).tolist() == [token for index in chosen for token in rows[index]]


def test_gather_in_blocks(monkeypatch):
    monkeypatch.setattr(encoded_pairs, "_GATHER_BLOCK", 3)
    rows = [[index] * (index % 4) for index in range(20)]
    chosen = np.arange(20)[::-1]
    assert unpacked(TokenRows.from_sequences(rows).select(chosen)) == rows[::-1]


def test_concatenate():
    parts = [
        EncodedPairs(TokenRows.from_sequences([[1], [2, 3]]), TokenRows.from_sequences([[4, 5], []]), np.array([0, 2])),
        EncodedPairs(TokenRows.from_sequences([[6]]), TokenRows.from_sequences([[7]]), np.array([3])),
    ]
    joined = EncodedPairs.concatenate(parts)
    assert len(joined) == 3
    assert unpacked(joined.source) == [[1], [2, 3], [6]]
    assert unpacked(joined.target) == [[4, 5], [], [7]]
    assert joined.numbers.tolist() == [0, 2, 3]
    assert joined.select(np.array([2, 0])).numbers.tolist() == [3, 0]
