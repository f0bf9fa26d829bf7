import itertools

import keras
import numpy as np
import pytest
from random_documents import FIRST, IDS, MASK, PAD, SPECIAL, random_documents, word_of_token

from zoo.data.batches.document_blocks import DocumentBlocks
from zoo.data.batches.line_rows import LineRows
from zoo.data.batches.masked_batches import MaskedBatches
from zoo.data.batches.sentence_pairs import SentencePairs
from zoo.data.batches.token_masking import TokenMasking
from zoo.errors import UserError

DOCUMENTS = random_documents(seed=4, count=25)
LENGTH, ROWS = 32, 8


def make_batches(rows, **options):
    masking = TokenMasking(mask_id=MASK, special_ids=SPECIAL, vocabulary_size=FIRST + len(DOCUMENTS.tokens))
    return MaskedBatches(
        rows(DOCUMENTS, sequence_length=LENGTH, **IDS), masking, **{"batch_size": ROWS, "seed": 3, **options}
    )


def same(one, other):
    one, other = (keras.tree.flatten(list(batches)) for batches in (one, other))
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


kinds = pytest.mark.parametrize("rows", [DocumentBlocks, LineRows, SentencePairs])


@pytest.mark.parametrize("rows", [DocumentBlocks, SentencePairs])
def test_shapes_do_not_change_and_the_last_batch_is_filled_up(rows):
    batches = make_batches(rows)
    found = list(batches.epoch(0))
    assert len(found) == batches.num_batches(0) > 5
    for x, labels, weights in found:
        assert {name: (value.shape, value.dtype) for name, value in x.items()} == {
            **{name: ((ROWS, LENGTH), np.int32) for name in ("token_ids", "padding_mask", "segment_ids")},
            "masked_positions": ((ROWS, 4), np.int32),
        }
        labels = labels if isinstance(labels, dict) else {"token_logits": labels}
        weights = weights if isinstance(weights, dict) else {"token_logits": weights}
        assert labels["token_logits"].shape == weights["token_logits"].shape == (ROWS, 4)
        if rows is SentencePairs:
            empty = ~x["padding_mask"].any(axis=1)
            assert (weights["next_sentence_logits"] == ~empty).all() and not weights["token_logits"][empty].any()
        assert ((x["token_ids"] == PAD) == (x["padding_mask"] == 0)).all()
    real = sum(int(x["padding_mask"].sum()) for x, _, _ in found)
    filled = sum(int(x["padding_mask"].any(axis=1).sum()) for x, _, _ in found)
    assert filled < len(found) * ROWS
    assert batches.padding_share() == pytest.approx(1 - real / (filled * LENGTH))


def test_narrow_rows_come_in_larger_batches_of_one_width():
    batches = make_batches(LineRows)
    found = list(batches.epoch(0))
    assert len(found) == batches.num_batches(0)
    sizes = {8: 32, 16: 16, 24: 10, 32: 8}
    shapes = [x["token_ids"].shape for x, _, _ in found]
    assert set(shapes) == {(rows, width) for width, rows in sizes.items()} and batches.most_shapes == len(sizes)
    assert shapes != sorted(shapes)
    real = positions = 0
    for x, labels, weights in found:
        rows, width = x["token_ids"].shape
        assert x["padding_mask"].shape == x["segment_ids"].shape == (rows, width)
        assert (
            x["masked_positions"].shape == labels.shape == weights.shape == (rows, {8: 1, 16: 2, 24: 3, 32: 4}[width])
        )
        lengths = x["padding_mask"].sum(axis=1)
        assert ((lengths == 0) | (lengths > width - 8)).all()
        assert not weights[lengths == 0].any()
        real, positions = real + lengths.sum(), positions + (lengths > 0).sum() * width
    assert batches.padding_share() == pytest.approx(1 - real / positions)


@pytest.mark.parametrize("rows", [DocumentBlocks, LineRows])
def test_an_epoch_has_every_token_once(rows):
    for epoch in (0, 1):
        seen = []
        for x, labels, weights in make_batches(rows).epoch(epoch):
            ids = x["token_ids"].copy()
            line, place = np.nonzero(weights)
            ids[line, x["masked_positions"][line, place]] = labels[line, place]
            seen += ids[ids >= FIRST].tolist()
        assert sorted(seen) == DOCUMENTS.tokens.tolist()


@kinds
def test_masked_words_are_whole_words_of_the_text(rows):
    words = word_of_token(DOCUMENTS)
    sizes = np.bincount(words)
    drawn = 0
    for _, labels, weights in make_batches(rows).epoch(2):
        if rows is SentencePairs:
            labels, weights = labels["token_logits"], weights["token_logits"]
        for row, real in zip(labels, weights > 0, strict=True):
            found, counts = np.unique(words[row[real] - FIRST], return_counts=True)
            # A pair may hold a text twice only if its parts are from two documents, which have no word in common.
            assert (counts == sizes[found]).all()
            drawn += (counts > 1).sum()
    assert drawn > 10


@kinds
def test_seed_and_epoch_decide_everything(rows):
    batches = make_batches(rows)
    first = list(batches.epoch(0))
    assert same(first, make_batches(rows).epoch(0))
    assert not same(first, batches.epoch(1))
    assert not same(first, make_batches(rows, seed=4).epoch(0))
    assert same(batches.epoch(1), make_batches(rows).epoch(1)) and same(batches.epoch(0), first)


@kinds
def test_a_stream_goes_on_where_another_stopped(rows):
    batches = make_batches(rows)
    count = batches.num_batches(0)
    stream = batches.stream()
    whole = [next(stream) for _ in range(count + 3)]
    assert stream.position == (1, 3)
    for done in (0, 2, count, count + 1):
        before = make_batches(rows).stream()
        for _ in range(done):
            next(before)
        after = make_batches(rows).stream(*before.position)
        assert same(whole[done:], itertools.islice(after, count + 3 - done))
    assert same(batches.epoch(0, skip_batches=4), whole[4:count])
    with pytest.raises(UserError, match=f"cannot resume after batch 99 of epoch 0, which has {count} batches"):
        next(batches.epoch(0, skip_batches=99))


@kinds
def test_validation_has_the_same_masks_in_every_epoch(rows):
    batches = make_batches(rows, shuffle=False)
    first = list(batches.epoch(0))
    assert same(first, batches.epoch(5)) and same(first, make_batches(rows, shuffle=False).epoch(1))
    if rows is DocumentBlocks:
        x, labels, weights = first[0]
        ids = x["token_ids"][0].copy()
        ids[x["masked_positions"][0][weights[0] > 0]] = labels[0][weights[0] > 0]
        assert ids[1] == FIRST


def test_masks_are_drawn_anew_each_epoch():
    """Of a single document in its own order the rows stay the same; the drawn tokens do not."""
    batches = make_batches(DocumentBlocks)
    drawn = [
        {int(label) for _, labels, weights in batches.epoch(epoch) for label in labels[weights > 0]}
        for epoch in range(8)
    ]
    share = np.mean([len(found) for found in drawn]) / len(DOCUMENTS.tokens)
    assert 0.11 < share < 0.16
    # After n epochs, 1 - (1 - share) ** n of the tokens have been drawn at least once.
    assert abs(len(set().union(*drawn)) / len(DOCUMENTS.tokens) - (1 - (1 - share) ** 8)) < 0.06


def test_impossible_batch_size():
    with pytest.raises(UserError, match="batch_size=0 must be at least 1"):
        make_batches(DocumentBlocks, batch_size=0)
