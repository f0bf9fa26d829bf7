import numpy as np
import pytest
from random_documents import CLS, IDS, PAD, SEP, all_rows, documents_of, random_documents

from zoo.data.batches.line_rows import LineRows
from zoo.errors import UserError

DOCUMENTS = random_documents(seed=2, count=30)
LENGTH = 19


def test_rows_are_the_lines_in_pieces():
    plan = LineRows(DOCUMENTS, sequence_length=LENGTH, **IDS).plan()
    rows = all_rows(plan)
    expected = []
    for start, stop in zip(DOCUMENTS.line_splits[:-1], DOCUMENTS.line_splits[1:], strict=True):
        line = DOCUMENTS.tokens[start:stop].tolist()
        expected += [[CLS, *line[at : at + 17], SEP] for at in range(0, len(line), 17)]
    found = [ids[:length].tolist() for ids, length in zip(rows.token_ids, rows.lengths, strict=True)]
    assert found == expected and len(plan) == len(expected) > len(DOCUMENTS.line_splits)
    assert all((ids[length:] == PAD).all() for ids, length in zip(rows.token_ids, rows.lengths, strict=True))
    assert plan.num_positions == sum(map(len, expected))
    assert plan.widths.tolist() == [min(-(-len(row) // 8) * 8, LENGTH) for row in expected]
    assert set(plan.widths) == {8, 16, 19}
    assert rows.unrelated is None and not rows.segment_ids.any()


def test_rows_are_as_wide_as_the_widest_of_them():
    plan = LineRows(DOCUMENTS, sequence_length=LENGTH, **IDS).plan(np.random.default_rng(1))
    for width in (8, 16, 19):
        rows = plan.rows(np.flatnonzero(plan.widths == width)[:3])
        assert {part.shape for part in (rows.token_ids, rows.segment_ids, rows.word_starts)} == {(3, width)}
        assert (rows.lengths <= width).all()


def test_words_that_an_edge_cuts_belong_to_the_special_tokens():
    documents = documents_of([[[1, 3, 2], [2, 2]]])
    rows = all_rows(LineRows(documents, sequence_length=5, **IDS).plan())
    assert rows.token_ids[:, 1:4].tolist() == [[5, 6, 7], [8, 9, 10], [11, 12, 13], [14, SEP, PAD]]
    starts = [
        [True, True, True, False, False],
        [True, False, True, False, True],
        [True, True, False, True, False],
        [True, False, True, True, True],
    ]
    assert rows.word_starts.tolist() == starts


def test_too_short_a_row():
    with pytest.raises(UserError, match="sequence_length=2 must be at least 3"):
        LineRows(DOCUMENTS, sequence_length=2, **IDS)
