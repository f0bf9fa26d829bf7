import time
import tracemalloc
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.batches.pair_batches import PairBatches
from zoo.data.readers.text_pairs import ParallelText
from zoo.errors import UserError

BOS, EOS, PAD = 1, 2, 0


def encode(texts):
    """A tokenizer of numbers: "5 6" -> [5, 6]."""
    return [[int(word) for word in text.split()] for text in texts]


def text_of(token_ids):
    return " ".join(str(token) for token in token_ids)


def numbered_pairs(count, lengths=(1, 20), seed=0):
    """Pairs whose tokens, from 10 on, tell the pairs apart; target = source + 1 with another length."""
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(count):
        source, target = rng.integers(lengths[0], lengths[1] + 1, 2)
        pairs.append((text_of([10 + number] * source), text_of([11 + number] * target)))
    return pairs


def make(pairs, **options):
    options = {
        "bos_id": BOS,
        "eos_id": EOS,
        "pad_id": PAD,
        "batch_size_tokens": 128,
        "max_source_length": 32,
        "max_target_length": 32,
        **options,
    }
    return PairBatches(pairs, encode, encode, **options)


def texts_in(batch, pad_id=PAD):
    """Reads pairs back out of a batch, checking every position of it."""
    x, labels, weights = batch
    pairs = []
    for source, mask, target, label, weight in zip(
        x["source_token_ids"], x["source_padding_mask"], x["target_token_ids"], labels, weights, strict=True
    ):
        source_length, target_length = int(mask.sum()), int(weight.sum())
        assert mask.tolist() == [1] * source_length + [0] * (len(mask) - source_length)
        assert weight.tolist() == [1.0] * target_length + [0.0] * (len(weight) - target_length)
        assert (source[source_length:] == pad_id).all()
        assert (label[target_length:] == pad_id).all()
        assert (target[target_length:] == pad_id).all()
        if source_length == 0:
            assert target_length == 0
            continue
        assert source[source_length - 1] == EOS
        assert label[target_length - 1] == EOS
        assert target[0] == BOS
        assert target[1:target_length].tolist() == label[: target_length - 1].tolist()
        pairs.append((text_of(source[: source_length - 1]), text_of(label[: target_length - 1])))
    return pairs


def all_texts(batches):
    return [pair for batch in batches for pair in texts_in(batch)]


def assert_same(batches, others):
    batches, others = list(batches), list(others)
    assert len(batches) == len(others)
    for (x, labels, weights), (other_x, other_labels, other_weights) in zip(batches, others, strict=True):
        assert x.keys() == other_x.keys()
        for name in x:
            np.testing.assert_array_equal(x[name], other_x[name])
        np.testing.assert_array_equal(labels, other_labels)
        np.testing.assert_array_equal(weights, other_weights)


def test_one_batch_by_hand():
    batches = make([("7 8 9", "5 6")], length_multiple=4, pad_id=3)
    ((x, labels, weights),) = batches.epoch(0)
    assert {name: array.tolist() for name, array in x.items()} == {
        "source_token_ids": [[7, 8, 9, EOS]],
        "source_padding_mask": [[1, 1, 1, 1]],
        "target_token_ids": [[BOS, 5, 6, 3]],
    }
    assert labels.tolist() == [[5, 6, EOS, 3]]
    assert weights.tolist() == [[1, 1, 1, 0]]
    assert {array.dtype for array in (*x.values(), labels)} == {np.dtype("int32")}
    assert weights.dtype == np.float32
    assert batches.padding_efficiency == 7 / 8


def test_numpy_rows_give_the_same_batches():
    pairs = numbered_pairs(50)
    options = {"bos_id": BOS, "eos_id": EOS, "pad_id": PAD, "batch_size_tokens": 128}
    limits = {"max_source_length": 32, "max_target_length": 32}

    def encode_arrays(texts):
        return [np.array(row, np.int64) for row in encode(texts)]

    assert_same(make(pairs).epoch(0), PairBatches(pairs, encode_arrays, encode_arrays, **options, **limits).epoch(0))


pair_lists = st.lists(
    st.tuples(st.lists(st.integers(10, 99), max_size=9), st.lists(st.integers(10, 99), max_size=9)), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(
    rows=pair_lists,
    shuffle_buffer=st.sampled_from([1, 3, 10, 1000]),
    epoch=st.integers(0, 3),
    seed=st.integers(0, 3),
    skip=st.integers(0, 5),
    options=st.fixed_dictionaries(
        {
            "fixed_rows": st.booleans(),
            "shuffle": st.booleans(),
            "group_by_length": st.booleans(),
            "length_multiple": st.sampled_from([1, 3, 8]),
            "max_length_ratio": st.sampled_from([None, 2.0]),
            "pad_id": st.sampled_from([0, 3]),
        }
    ),
)
def test_no_pair_is_lost_or_doubled(rows, shuffle_buffer, epoch, seed, skip, options):
    pairs = [(text_of(a), text_of(b)) for a, b in rows]
    ratio = options["max_length_ratio"] or 99
    kept = [
        pair
        for pair, (a, b) in zip(pairs, rows, strict=True)
        if a and b and len(a) < 7 and len(b) < 8 and max(len(a), len(b)) <= ratio * min(len(a), len(b))
    ]
    limits = {"batch_size_tokens": 30, "max_source_length": 7, "max_target_length": 8}
    batches = make(pairs, shuffle_buffer=shuffle_buffer, seed=seed, **limits, **options)
    if not kept:
        with pytest.raises(UserError, match="no text pair"):
            list(batches.epoch(epoch))
        return
    found = list(batches.epoch(epoch))
    assert Counter(pair for batch in found for pair in texts_in(batch, options["pad_id"])) == Counter(kept)
    assert (batches.report.kept, batches.report.total) == (len(kept), len(pairs))
    for x, labels, weights in found:
        (count, source_width), target_width = x["source_token_ids"].shape, labels.shape[1]
        assert weights.shape == labels.shape == x["target_token_ids"].shape == (count, target_width)
        assert count * max(source_width, target_width) <= 30
        if options["fixed_rows"]:
            assert count == 30 // max(source_width, target_width)
        for width, maximum in ((source_width, 7), (target_width, 8)):
            assert width == maximum or width % options["length_multiple"] == 0
    again = make(pairs, shuffle_buffer=shuffle_buffer, seed=seed, **limits, **options)
    if skip <= len(found):
        assert_same(again.epoch(epoch, skip_batches=skip), found[skip:])
    else:
        with pytest.raises(UserError, match=f"after batch {skip} of epoch {epoch}, which has {len(found)}"):
            list(again.epoch(epoch, skip_batches=skip))
    if len(kept) <= shuffle_buffer:
        assert again.num_batches(epoch) == len(found)
    else:
        assert again.num_batches(epoch) is None


@pytest.mark.parametrize("shuffle_buffer", [1000, 60])
def test_tokens_of_an_epoch_of_its_own(shuffle_buffer):
    """A tokenisation that changes with the epoch is used in that epoch, chunk by chunk, and remembered in no other."""
    pairs = [(str(number), str(number)) for number in range(10, 110)]

    def encode_epoch(epoch):
        def encode(texts):
            return [[int(text), 1000 + epoch] for text in texts]

        return encode, encode

    batches = make(pairs, shuffle_buffer=shuffle_buffer, encode_epoch=encode_epoch)
    for epoch in (0, 3, 0):
        found = [row[:2].tolist() for x, _, _ in batches.epoch(epoch) for row in x["source_token_ids"]]
        assert sorted(found) == [[number, 1000 + epoch] for number in range(10, 110)]
    assert batches.num_batches(3) == (len(list(batches.epoch(3))) if shuffle_buffer == 1000 else None)


@pytest.mark.parametrize("shuffle_buffer", [1000, 60])
def test_order_is_a_function_of_seed_and_epoch(shuffle_buffer):
    pairs = numbered_pairs(300)
    batches = make(pairs, shuffle_buffer=shuffle_buffer, seed=5)
    later = all_texts(batches.epoch(2))
    first = all_texts(batches.epoch(0))
    assert first != later
    assert all_texts(make(pairs, shuffle_buffer=shuffle_buffer, seed=5).epoch(0)) == first
    assert all_texts(batches.epoch(2)) == later
    assert all_texts(make(pairs, shuffle_buffer=shuffle_buffer, seed=6).epoch(0)) != first


def test_batches_are_composed_anew_each_epoch():
    batches = make(numbered_pairs(400, lengths=(5, 5)))
    first, second = ([frozenset(texts_in(batch)) for batch in batches.epoch(epoch)] for epoch in (0, 1))
    assert not set(first) & set(second)


def test_shuffled_batches_do_not_run_by_length():
    widths = [labels.shape[1] for _, labels, _ in make(numbered_pairs(1000)).epoch(0)]
    assert widths != sorted(widths)
    assert np.corrcoef(np.arange(len(widths)), widths)[0, 1] < 0.5


def test_pairs_travel_far_in_the_shuffle_buffer(monkeypatch):
    # With a small pool the buffer is mixed bit by bit, as a large one is in real use.
    monkeypatch.setattr("zoo.data.batches.pair_batches._LEAST_POOL", 20)
    pairs = [(str(10 + number), "9") for number in range(2000)]
    order = [int(source) - 10 for source, _ in all_texts(make(pairs, shuffle_buffer=500).epoch(0))]
    assert sorted(order) == list(range(2000))
    assert 300 < np.mean(np.abs(np.array(order) - np.arange(2000))) < 900
    # Nothing leaves before it was read: the buffer holds 500 pairs and the 500 that were read at once.
    assert max(number - place for place, number in enumerate(order)) < 1000 + 62


def test_without_shuffling():
    pairs = numbered_pairs(300)
    grouped = make(pairs, shuffle=False)
    assert_same(grouped.epoch(0), grouped.epoch(1))
    widths = [labels.shape[1] for _, labels, _ in grouped.epoch(0)]
    assert widths == sorted(widths)
    in_order = make(pairs, shuffle=False, group_by_length=False)
    assert all_texts(in_order.epoch(0)) == pairs
    assert all_texts(make(pairs, shuffle=False, group_by_length=False, shuffle_buffer=40).epoch(3)) == pairs
    list(grouped.epoch(0)), list(in_order.epoch(0))
    assert grouped.padding_efficiency > in_order.padding_efficiency


def test_batches_say_where_their_examples_are(tmp_path):
    for name, text in (("a.en", "one\n"), ("a.de", "eins\n")):
        (tmp_path / name).write_text(text)
    files = ParallelText(tmp_path / "a.en", tmp_path / "a.de")
    assert make(files).examples_are == files.examples_are
    assert make(numbered_pairs(3)).examples_are is None


def test_corpus_that_fits_is_tokenized_once():
    calls = []

    def counting(texts):
        calls.append(len(texts))
        return encode(texts)

    pairs = numbered_pairs(2500)
    options = {"bos_id": BOS, "eos_id": EOS, "pad_id": PAD, "batch_size_tokens": 512}
    limits = {"max_source_length": 32, "max_target_length": 32}
    batches = PairBatches(pairs, counting, encode, **options, **limits)
    for epoch in range(3):
        list(batches.epoch(epoch))
    assert calls == [1024, 1024, 452]


def test_stream_crosses_epochs_and_resumes_anywhere():
    pairs = numbered_pairs(60)
    expected = [*make(pairs).epoch(0), *make(pairs).epoch(1), *make(pairs).epoch(2)]
    stream = make(pairs).stream()
    assert stream.position == (0, 0)
    found, positions = [], []
    for _ in expected:
        found.append(next(stream))
        positions.append(stream.position)
    assert_same(found, expected)
    assert positions[-1] == (2, len(list(make(pairs).epoch(2))))
    for done in range(len(expected)):
        resumed = make(pairs).stream(*positions[done])
        assert_same(islice(resumed, len(expected) - done - 1), expected[done + 1 :])


def test_stream_from_a_position_that_the_data_does_not_have():
    pairs = numbered_pairs(60)
    count = make(pairs).num_batches(1)
    stream = make(pairs).stream(1, count + 1)
    with pytest.raises(UserError, match=f"after batch {count + 1} of epoch 1, which has {count} batches"):
        next(stream)


def test_every_pair_dropped_says_why():
    batches = make([("5 6 7 8", "5"), ("", "5")], max_source_length=3)
    for attempt in (lambda: next(batches.epoch(0)), batches.num_batches, lambda: next(batches.stream())):
        with pytest.raises(UserError, match=r"no text pair is left .*kept 0 of 2 pairs.*1 empty, 1 with source longer"):
            attempt()
    with pytest.raises(UserError, match="holds no text pairs"):
        next(make([]).epoch(0))


def test_impossible_options():
    with pytest.raises(UserError, match="batch_size_tokens=31 is less than max_source_length=32"):
        make([], batch_size_tokens=31)
    for name, value in (("shuffle_buffer", 0), ("length_multiple", 0), ("seed", -1), ("max_target_length", 1)):
        with pytest.raises(UserError, match=f"{name}={value}"):
            make([], **{name: value})
    with pytest.raises(TypeError, match="only once"):
        make(iter([("5", "5")]))


def test_tokenizer_that_loses_rows():
    batches = PairBatches(
        [("5", "5"), ("6", "6")],
        lambda texts: encode(texts)[:1],
        encode,
        bos_id=BOS,
        eos_id=EOS,
        pad_id=PAD,
        batch_size_tokens=32,
        max_source_length=8,
        max_target_length=8,
    )
    with pytest.raises(ValueError, match="returned 1 rows for 2 texts"):
        next(batches.epoch(0))


def caption_like_pairs(count):
    """Pairs with the length statistics of image captions in subwords: about 15 tokens, sides correlated."""
    rng = np.random.default_rng(0)
    source = np.clip(rng.gamma(9, 1.65, count), 3, 45).astype(int)
    target = np.clip(source * rng.normal(1, 0.15, count), 3, 45).astype(int)
    return [(text_of([10] * a), text_of([10] * b)) for a, b in zip(source, target, strict=True)]


def test_little_padding_and_little_time():
    pairs = caption_like_pairs(29_000)
    options = {"batch_size_tokens": 4096, "max_source_length": 128, "max_target_length": 128}
    batches = make(pairs, length_multiple=4, **options)
    batches.num_batches()  # tokenises
    seconds = time.process_time()
    real = sum(int(x["source_padding_mask"].sum() + weights.sum()) for x, _, weights in batches.epoch(0))
    assert time.process_time() - seconds < 1.5
    assert real == sum(len(a.split()) + len(b.split()) + 2 for a, b in pairs)
    assert batches.padding_efficiency >= 0.85
    # With multiples of 8 most padding comes from rounding; grouping must add less than 4% to that.
    batches = make(pairs, **options)
    list(batches.epoch(0))
    rounded = sum(-(-(len(side.split()) + 1) // 8) * 8 for pair in pairs for side in pair)
    assert batches.padding_efficiency > 0.96 * real / rounded
    shapes = {
        (x["source_token_ids"].shape, labels.shape)
        for epoch in range(3)
        for x, labels, _ in make(pairs, fixed_rows=True, **options).epoch(epoch)
    }
    assert len({(source[1], target[1]) for source, target in shapes}) == len(shapes) <= 36


def test_shapes_are_as_many_as_a_corpus_of_all_lengths_has():
    limits = dict(batch_size_tokens=20, max_source_length=10, max_target_length=7, length_multiple=4)
    pairs = [(text_of([7] * source), text_of([7] * target)) for source in range(1, 10) for target in range(1, 7)]
    batches = make(pairs * 20, fixed_rows=True, **limits)
    shapes = {(x["source_token_ids"].shape, labels.shape) for x, labels, _ in batches.epoch(0)}
    assert len(shapes) == batches.most_shapes == 3 * 2
    assert make(pairs, **limits).most_shapes is None


def test_memory_is_bounded_by_the_buffer(tmp_path):
    count = 30_000
    for name in ("a", "b"):
        (tmp_path / name).write_text("11 12 13 14 15 16 17 18\n" * count)
    pairs = ParallelText(tmp_path / "a", tmp_path / "b")
    batches = make(pairs, batch_size_tokens=1024, shuffle_buffer=2000)
    tracemalloc.start()
    try:
        rows = sum(len(labels) for _, labels, _ in batches.epoch(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == count
    assert peak < 1_700_000 < 2 * count * 8 * 4  # the token ids of the whole corpus, and nothing else


@pytest.mark.parametrize("options", [{}, {"shuffle_buffer": 40}, {"fixed_rows": True, "shuffle": False}])
def test_examples_are_the_pairs_of_a_batch(options):
    pairs = numbered_pairs(150)
    pairs[7] = pairs[90] = (text_of([5] * 40), "5")  # too long, left out
    batches = make(pairs, **options)
    for epoch in (0, 1):
        every = list(batches.epoch(epoch))
        for index, batch in enumerate(every):
            assert texts_in(batch) == [pairs[number] for number in batches.examples(epoch, index)]
        with pytest.raises(IndexError):
            batches.examples(epoch, len(every))
