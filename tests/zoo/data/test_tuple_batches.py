"""Batches of several texts an example, and of pairs with one label."""

from collections import Counter

import numpy as np
import pytest

from zoo.data import SameLabelBatches, TupleBatches
from zoo.data.batches.distinct_batches import batches_of_labels, distinct_batches
from zoo.errors import UserError

ROWS = [[2, *range(10, 10 + n), 3] for n in (1, 2, 3, 4, 9)]
OPTIONS = dict(pad_id=0, batch_size=2, max_length=12)


def test_each_text_has_arrays_of_its_own():
    batches = TupleBatches(ROWS, [[0, 4], [1, 3], [2, 3]], [0.5, 1.0, 0.0], shuffle=False, **OPTIONS)
    (x, labels, weights), (last, *_) = batches.epoch(0)
    assert {name: array.shape for name, array in x.items()} == {
        "token_ids_0": (2, 8), "padding_mask_0": (2, 8), "token_ids_1": (2, 12), "padding_mask_1": (2, 12)
    }  # fmt: skip
    assert x["token_ids_0"][1].tolist() == [2, 10, 11, 3, 0, 0, 0, 0] and x["padding_mask_0"].sum(axis=1).tolist() == [
        3,
        4,
    ]
    assert labels.tolist() == [0.5, 1.0] and weights.tolist() == [1.0, 1.0]
    assert last["token_ids_1"].shape == (1, 8) and batches.examples(0, 1).tolist() == [2]


def test_compilers_see_one_width_and_full_batches():
    x, labels, weights = list(
        TupleBatches(ROWS, [[0, 4], [1, 3], [2, 3]], shuffle=False, fixed_rows=True, **OPTIONS).epoch(0)
    )[1]
    assert {array.shape for array in x.values()} == {(2, 8)} and weights.tolist() == [1.0, 0.0] and labels.shape == (2,)


def test_order_is_of_seed_and_epoch_and_goes_on_anywhere():
    examples = np.arange(40).reshape(20, 2) % 5
    batches = TupleBatches(ROWS, examples, **OPTIONS)
    orders = [np.concatenate([batches.examples(epoch, n) for n in range(10)]).tolist() for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1] and sorted(orders[0]) == list(range(20))
    whole = [x["token_ids_0"].tolist() for x, _, _ in batches.epoch(1)]
    assert [x["token_ids_0"].tolist() for x, _, _ in batches.epoch(1, skip_batches=7)] == whole[7:]
    with pytest.raises(UserError, match="cannot resume after batch 11 of epoch 1, which has 10 batches"):
        next(batches.epoch(1, skip_batches=11))


def test_no_batch_has_two_examples_with_one_key():
    rng = np.random.default_rng(0)
    keys = [set(rng.integers(0, 60, 2).tolist()) for _ in range(100)]
    batches = distinct_batches(rng.permutation(100).tolist(), keys, 8)
    for batch in batches:
        assert len(batch) <= 8 and sum(len(keys[n]) for n in batch) == len(set().union(*(keys[n] for n in batch)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(100)) and len(batches) < 20
    assert [batch.tolist() for batch in distinct_batches(range(4), [{1}, {1}, {2}, {1, 2}], 4)] == [[0, 2], [1], [3]]
    alike = TupleBatches(ROWS, [[0, 1], [2, 1], [3, 4]], keys=[{0, 1}, {2, 1}, {3, 4}], **OPTIONS)
    assert alike.num_batches() == 2 and {len(alike.examples(5, n)) for n in (0, 1)} == {1, 2}


def test_no_batch_has_a_label_twice():
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.full(n, label) for label, n in enumerate((3, 9, 5, 20, 1, 2))])
    batches = batches_of_labels(rng.permutation(len(labels)).tolist(), labels, 10)
    assert len(batches) == 10 and max(map(len, batches)) - min(map(len, batches)) <= 1
    assert all(len(set(labels[batch])) == len(batch) for batch in batches)
    assert Counter(labels[np.concatenate(batches)].tolist()) == {0: 3, 1: 9, 2: 5, 3: 10, 4: 1, 5: 2}


def test_pairs_have_one_label_and_two_texts():
    labels = [0, 0, 1, 1, 1, 2]
    rows = [[2, 10 + n, 3] for n in range(6)]
    batches = SameLabelBatches(rows, labels, pad_id=0, batch_size=64, max_length=8)
    assert len(batches) == 5 and batches.batch_size == 2 and batches.num_batches() == 3
    seen = set()
    for epoch in range(30):
        for x, _, weights in batches.epoch(epoch):
            first, second = (x[f"token_ids_{place}"][:, 1] - 10 for place in (0, 1))
            assert (first != second).all() and [labels[n] for n in first] == [labels[n] for n in second]
            assert len({labels[n] for n in first}) == len(first) == weights.sum()
            seen |= set(zip(first.tolist(), second.tolist(), strict=True))
    assert seen == {(0, 1), (1, 0), *((a, b) for a in (2, 3, 4) for b in (2, 3, 4) if a != b)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TupleBatches(ROWS, [], **OPTIONS), "there are no examples"),
        (lambda: TupleBatches(ROWS, [[0]], **OPTIONS | {"batch_size": 0}), "batch_size=0 must be at least 1"),
        (
            lambda: TupleBatches(ROWS, [[0]], **OPTIONS | {"max_length": 9}),
            "a text has 11 tokens, more than max_length",
        ),
        (lambda: SameLabelBatches(ROWS, [0, 0, 1, 2, 3], **OPTIONS), "1 labels have two texts or more; two labels"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
