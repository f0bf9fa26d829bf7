import itertools

import numpy as np
import pytest

from zoo.data import RowBatches
from zoo.errors import UserError


def rows_of(lengths):
    """Rows that can be told apart: row i holds i + 1 everywhere."""
    return [[index + 1] * length for index, length in enumerate(lengths)]


LENGTHS = np.random.default_rng(0).integers(1, 30, 203)


def make(labels=None, **options):
    token_ids = rows_of(LENGTHS)
    labels = [[token + index for index, token in enumerate(row)] for row in token_ids] if labels is None else labels
    return RowBatches(token_ids, labels, **{"pad_id": 0, "batch_size": 8, "max_length": 29, **options})


def rows_in(batches):
    """Every real row with its labels and weights, by its first token."""
    found = {}
    for x, labels, weights in batches:
        for tokens, mask, row_labels, row_weights in zip(
            x["token_ids"], x["padding_mask"], labels, weights, strict=True
        ):
            length = int(mask.sum())
            if length:
                assert int(tokens[0]) not in found
                found[int(tokens[0])] = tokens[:length].tolist(), np.asarray(row_labels).tolist(), row_weights.tolist()
    return found


def test_every_row_comes_once_an_epoch_with_its_labels():
    batches = make()
    found = rows_in(batches.epoch(3))
    assert len(found) == len(LENGTHS)
    for index, length in enumerate(LENGTHS):
        tokens, labels, weights = found[index + 1]
        assert tokens == [index + 1] * length
        assert labels[:length] == [index + 1 + position for position in range(length)]
        assert set(labels[length:]) <= {0} and weights == [1.0] * length + [0.0] * (len(labels) - length)


def test_batches_are_padded_to_multiples_but_not_beyond_the_longest_row_allowed():
    widths = {x["token_ids"].shape[1] for x, _, _ in make().epoch(0)}
    assert widths <= {8, 16, 24, 29} and 29 in widths
    padded = sum(x["token_ids"].size for x, _, _ in make().epoch(0))
    unsorted = sum(x["token_ids"].size for x, _, _ in make(shuffle=False).epoch(0))
    assert padded < 0.7 * unsorted


def test_labels_and_weights_of_rows():
    labels = np.arange(len(LENGTHS))
    weights = (np.arange(len(LENGTHS)) % 2).astype(np.float32)
    for tokens, label, weight in rows_in(make(labels, weights=weights).epoch(0)).values():
        assert label == tokens[0] - 1 and weight == label % 2
    several = np.stack([labels, -labels], axis=1).astype(np.float32)
    for tokens, label, weight in rows_in(make(several).epoch(0)).values():
        assert label == [tokens[0] - 1, 1 - tokens[0]] and weight == 1.0


def test_weights_by_label():
    batches = make(np.arange(len(LENGTHS)) % 3, label_weights=[1.0, 2.5, 0.5])
    for _, labels, weights in batches.epoch(0):
        np.testing.assert_array_equal(weights, np.choose(labels, [1.0, 2.5, 0.5]).astype(np.float32))


def test_weights_by_label_multiply_those_of_tokens_and_rows():
    options = dict(pad_id=0, batch_size=3, max_length=8, shuffle=False, fixed_rows=True, length_multiple=4)
    token_weights = [[0, 1, 1, 1, 0], [0, 1, 0]]
    tokens = RowBatches(
        [[7] * 5, [7] * 3], [[0, 1, 2, 0, 0], [0, 2, 1]], token_weights, label_weights=[0.5, 3.0, 0.25], **options
    )
    ((_, _, weights),) = tokens.epoch(0)
    # Label 0 has a weight of its own, but padding, whose label is 0 too, and rows that fill the batch up have none.
    expected = [[0, 3.0, 0.25, 0.5, 0, 0, 0, 0], [0, 0.25, 0, 0, 0, 0, 0, 0], [0] * 8]
    np.testing.assert_array_equal(weights, np.array(expected, np.float32))
    rows = RowBatches([[7], [7]], np.array([0, 1]), [2.0, 0.5], label_weights=[0.5, 3.0], **options)
    ((_, _, weights),) = rows.epoch(0)
    np.testing.assert_array_equal(weights, np.array([1.0, 1.5, 0.0], np.float32))


def test_order_depends_on_seed_and_epoch_alone():
    def order(batches, epoch):
        return [x["token_ids"][:, 0].tolist() for x, _, _ in batches.epoch(epoch)]

    assert order(make(), 1) == order(make(), 1)
    assert order(make(), 1) != order(make(), 2)
    assert order(make(), 1) != order(make(seed=1), 1)
    assert list(itertools.chain(*order(make(shuffle=False), 5))) == list(range(1, len(LENGTHS) + 1))


def test_resuming_gives_the_rest():
    batches = make()
    whole = [x["token_ids"] for x, _, _ in itertools.islice(batches.stream(), 40)]
    stream = batches.stream()
    for _ in range(29):
        next(stream)
    rest = [x["token_ids"] for x, _, _ in itertools.islice(make().stream(*stream.position), 11)]
    for left, right in zip(rest, whole[29:], strict=True):
        np.testing.assert_array_equal(left, right)
    with pytest.raises(UserError, match="cannot resume after batch 27 of epoch 0, which has 26 batches"):
        next(batches.epoch(0, skip_batches=27))


def test_fixed_rows_fill_the_last_batch_up():
    sizes = [(len(labels), weights.any(axis=-1).sum()) for _, labels, weights in make(fixed_rows=True).epoch(0)]
    assert {rows for rows, _ in sizes} == {8}
    shapes = {x["token_ids"].shape for epoch in range(20) for x, _, _ in make(fixed_rows=True).epoch(epoch)}
    assert len(shapes) == make(fixed_rows=True).most_shapes == 4 and make().most_shapes is None
    assert sorted(real for _, real in sizes)[0] == len(LENGTHS) % 8 and make().num_batches() == len(sizes)


def test_bad_input():
    with pytest.raises(UserError, match="there are no examples"):
        RowBatches([], [], pad_id=0, batch_size=1, max_length=4)
    with pytest.raises(UserError, match="a row has 29 tokens, more than max_length=8"):
        make(max_length=8)
    with pytest.raises(UserError, match="batch_size=0 must be at least 1"):
        make(batch_size=0)
    with pytest.raises(ValueError, match="labels do not have the shape"):
        make([[1]] * len(LENGTHS))
    with pytest.raises(ValueError, match="weights do not have the shape"):
        make(np.zeros(len(LENGTHS)), weights=np.ones(3))


def test_examples_are_the_rows_of_a_batch():
    batches = make(fixed_rows=True)
    for index, (x, _, _) in enumerate(batches.epoch(2)):
        real = x["padding_mask"].any(axis=1)
        assert (x["token_ids"][real, 0] - 1).tolist() == batches.examples(2, index).tolist()


def test_rows_of_one_example_share_its_number():
    example_ids = np.arange(len(LENGTHS)) // 3
    batches = make(example_ids=example_ids)
    for index, (x, _, _) in enumerate(batches.epoch(1)):
        assert ((x["token_ids"][:, 0] - 1) // 3).tolist() == batches.examples(1, index).tolist()
    with pytest.raises(ValueError, match=r"example_ids of shape \(2,\) for"):
        make(example_ids=[0, 1])
