import itertools
import random

import numpy as np
import pytest
from random_documents import (
    CLS,
    FIRST,
    IDS,
    PAD,
    SEP,
    all_rows,
    document_of_token,
    documents_of,
    random_documents,
    word_of_token,
)

from zoo.data.batches.sentence_pairs import SentencePairs, truncated_pair
from zoo.errors import UserError

LENGTH = 40
DOCUMENTS = random_documents(seed=1, count=60)
PAIRS = SentencePairs(DOCUMENTS, sequence_length=LENGTH, **IDS)


@pytest.fixture(scope="module")
def plan():
    return PAIRS.plan(np.random.default_rng(5))


def test_rows_hold_what_was_planned(plan):
    rows = all_rows(plan)
    for row, (a, a_end, b, b_end, unrelated) in enumerate(plan.spans.tolist()):
        first, second = DOCUMENTS.tokens[a:a_end].tolist(), DOCUMENTS.tokens[b:b_end].tolist()
        ids = [CLS, *first, SEP, *second, SEP]
        segments = [0] * (len(first) + 2) + [1] * (len(second) + 1)
        padding = LENGTH - len(ids)
        assert padding >= 0 and first and second
        assert rows.token_ids[row].tolist() == ids + [PAD] * padding
        assert rows.segment_ids[row].tolist() == segments + [0] * padding
        assert rows.lengths[row] == len(ids) and rows.unrelated[row] == unrelated
    assert plan.num_positions == rows.lengths.sum()


def test_b_follows_a_or_is_from_another_document(plan):
    document = document_of_token(DOCUMENTS)
    line_starts = set(DOCUMENTS.line_splits.tolist())
    for a, a_end, b, b_end, unrelated in plan.spans.tolist():
        assert len({document[a], document[a_end - 1]}) == len({document[b], document[b_end - 1]}) == 1
        full = a_end - a + b_end - b == LENGTH - 3
        if unrelated:
            assert document[a] != document[b]
            assert full or {a, a_end, b, b_end} <= line_starts
        else:
            # A line ends between them, and nothing is left out there but what was cut off to fit.
            assert document[a] == document[b] and line_starts & set(range(a_end, b + 1))
            assert full or (a_end == b and {a, a_end, b_end} <= line_starts)


def reference_pairs(documents, most, rng):
    """Pairs of lists of tokens as in BERT's create_pretraining_data, with lists and one token at a time."""
    lines = [documents.tokens[i:j].tolist() for i, j in itertools.pairwise(documents.line_splits)]
    splits = documents.document_splits
    documents = [lines[i:j] for i, j in itertools.pairwise(splits)]
    for own, document in enumerate(documents):
        i = 0
        while i < len(document):
            target = rng.randint(2, most) if rng.random() < 0.1 else most
            chunk = []
            while i < len(document) and sum(map(len, chunk)) < target:
                chunk.append(document[i])
                i += 1
            cut = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
            a = [token for line in chunk[:cut] for token in line]
            if len(chunk) == 1 or rng.random() < 0.5:
                other = rng.choice([each for number, each in enumerate(documents) if number != own])
                b = []
                for line in other[rng.randrange(len(other)) :]:
                    b += line
                    if len(b) >= target - len(a):
                        break
                i -= len(chunk) - cut
                unrelated = True
            else:
                b = [token for line in chunk[cut:] for token in line]
                unrelated = False
            while len(a) + len(b) > most:
                (a if len(a) > len(b) else b).pop(0 if rng.random() < 0.5 else -1)
            yield a, b, unrelated


def test_pairs_are_distributed_as_those_of_bert():
    """Averages over epochs against a plain implementation, within five standard errors."""

    def epoch(pairs):
        values = np.array(
            [(len(a), len(b), len(a) + len(b) < LENGTH - 3, unrelated) for a, b, unrelated in pairs], float
        )
        return len(values), *values.mean(axis=0), values[:, 0].std()

    ours, theirs = [], []
    for seed in range(40):
        spans = PAIRS.plan(np.random.default_rng(seed)).spans
        ours.append(epoch([(range(a, a_end), range(b, b_end), no) for a, a_end, b, b_end, no in spans.tolist()]))
        theirs.append(epoch(reference_pairs(DOCUMENTS, LENGTH - 3, random.Random(seed))))
    ours, theirs = np.array(ours), np.array(theirs)
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 40)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 5 * error + 1e-9).all()
    assert error[4] < 0.01


def test_half_of_the_pairs_follow_where_documents_are_long():
    documents = documents_of([[[1] * 5] * 2000, [[1] * 5] * 2000])
    spans = SentencePairs(documents, sequence_length=LENGTH, **IDS).plan(np.random.default_rng(2)).spans
    # The last line of a document may be alone in its row, and so without a choice.
    assert abs(spans[:, 4].mean() - 0.5) < 4 * 0.5 / np.sqrt(len(spans)) + 2 / len(spans)
    lengths = (spans[:, 1] - spans[:, 0]) + (spans[:, 3] - spans[:, 2])
    assert 0.88 < (lengths == LENGTH - 3).mean() < 0.96


def test_truncation_takes_from_the_longer_segment():
    rng = np.random.default_rng(3)
    front = total = 0
    for first in range(1, 12):
        for second in range(1, 12):
            for most in range(2, 24):
                a, a_end, b, b_end = truncated_pair((100, 100 + first), (300, 300 + second), most, rng)
                lengths = [first, second]
                while sum(lengths) > most:
                    lengths[0 if lengths[0] > lengths[1] else 1] -= 1
                assert [a_end - a, b_end - b] == lengths
                assert a >= 100 and a_end <= 100 + first and b >= 300 and b_end <= 300 + second
                front += (a - 100) + (b - 300)
                total += first + second - sum(lengths)
    assert abs(front / total - 0.5) < 4 * 0.5 / np.sqrt(total)


def test_words_that_the_edges_cut_belong_to_the_special_tokens(plan):
    words = word_of_token(DOCUMENTS)
    size_of_word = np.bincount(words)
    rows = all_rows(plan)
    cut = 0
    for ids, starts, length in zip(rows.token_ids, rows.word_starts, rows.lengths, strict=True):
        for group in np.split(ids[:length], np.flatnonzero(starts[:length])[1:]):
            if (group >= FIRST).all():
                word = words[group - FIRST]
                assert (word == word[0]).all() and len(word) == size_of_word[word[0]]
            cut += (group < FIRST).any() and (group >= FIRST).any()
    assert cut > 5


def test_a_plan_is_a_function_of_its_generator():
    one, again, other = (PAIRS.plan(np.random.default_rng(seed)).spans for seed in (8, 8, 9))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert np.array_equal(PAIRS.plan().spans, PAIRS.plan().spans)


def test_text_that_no_pairs_can_be_made_of():
    with pytest.raises(UserError, match=r"corpus.txt: next-sentence prediction needs at least 2 documents, found 1"):
        SentencePairs(documents_of([[[1], [1]]]), sequence_length=LENGTH, **IDS)
    with pytest.raises(UserError, match=r"corpus.txt: each document is a single line"):
        SentencePairs(documents_of([[[1]], [[1]]]), sequence_length=LENGTH, **IDS)
    with pytest.raises(UserError, match="sequence_length=4 must be at least 5"):
        SentencePairs(DOCUMENTS, sequence_length=4, **IDS)
