import numpy as np
import pytest
from random_documents import CLS, FIRST, IDS, PAD, SEP, all_rows, document_of_token, random_documents, word_of_token

from zoo.data.batches.document_blocks import DocumentBlocks
from zoo.errors import UserError

DOCUMENTS = random_documents(seed=1, count=30)
BLOCKS = DocumentBlocks(DOCUMENTS, sequence_length=23, **IDS)


def contents(rows):
    """What is between [CLS] and the last [SEP] of each row."""
    for ids, length in zip(rows.token_ids, rows.lengths, strict=True):
        assert ids[0] == CLS and ids[length - 1] == SEP and (ids[length:] == PAD).all()
        yield ids[1 : length - 1]


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_every_token_is_there_once_and_rows_are_full(seed):
    plan = BLOCKS.plan(None if seed is None else np.random.default_rng(seed))
    rows = all_rows(plan)
    stream = np.concatenate(list(contents(rows)))
    assert sorted(stream[stream != SEP]) == DOCUMENTS.tokens.tolist()
    assert (stream == SEP).sum() == len(DOCUMENTS) == 30
    assert (rows.lengths[:-1] == 23).all() and len(plan) == -(-len(stream) // 21)
    assert plan.num_positions == rows.lengths.sum()
    assert not rows.segment_ids.any() and rows.unrelated is None


def test_the_stream_is_documents_in_random_order_from_a_random_place():
    orders, starts = set(), set()
    for seed in range(5):
        stream = np.concatenate(list(contents(all_rows(BLOCKS.plan(np.random.default_rng(seed))))))
        starts.add(int(stream[0]))
        # Closed to a ring, it falls into whole documents at its separators.
        ring = np.roll(stream, -np.flatnonzero(stream == SEP)[0] - 1)
        found = [part[:-1] for part in np.split(ring, np.flatnonzero(ring == SEP) + 1)[:-1]]
        numbers = [int(document_of_token(DOCUMENTS)[part[0] - FIRST]) for part in found]
        for number, part in zip(numbers, found, strict=True):
            first, stop = DOCUMENTS.token_splits[number : number + 2]
            assert part.tolist() == DOCUMENTS.tokens[first:stop].tolist()
        orders.add(tuple(numbers))
    assert len(orders) == 5 and len(starts) > 1


def test_without_a_generator_the_text_comes_as_it_is():
    stream = np.concatenate(list(contents(all_rows(BLOCKS.plan()))))
    expected = [
        token
        for start, stop in zip(DOCUMENTS.token_splits[:-1], DOCUMENTS.token_splits[1:], strict=True)
        for token in (*DOCUMENTS.tokens[start:stop], SEP)
    ]
    assert stream.tolist() == expected


@pytest.mark.parametrize("seed", [None, 7])
def test_words_that_the_edges_cut_belong_to_the_special_tokens(seed):
    words = word_of_token(DOCUMENTS)
    size_of_word = np.bincount(words)
    rows = all_rows(BLOCKS.plan(None if seed is None else np.random.default_rng(seed)))
    cut = 0
    for ids, starts, length in zip(rows.token_ids, rows.word_starts, rows.lengths, strict=True):
        groups = np.split(ids[:length], np.flatnonzero(starts[:length])[1:])
        for group in groups:
            special = group < FIRST
            if not special.any():
                word = words[group - FIRST]
                assert (word == word[0]).all() and len(word) == size_of_word[word[0]]
            elif not special.all():
                in_row = words[group[~special] - FIRST]
                assert (in_row == in_row[0]).all() and len(in_row) < size_of_word[in_row[0]]
                cut += 1
    assert cut > 5


def test_a_row_needs_room_for_a_token():
    with pytest.raises(UserError, match="sequence_length=2 must be at least 3"):
        DocumentBlocks(DOCUMENTS, sequence_length=2, **IDS)
