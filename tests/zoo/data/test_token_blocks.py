import math
from collections import Counter

import numpy as np
import pytest

from zoo.data import TokenBlocks
from zoo.errors import UserError

END = 0
RNG = np.random.default_rng(5)
LENGTHS = [7, 1, 0, 23, 4, 12]
DOCUMENTS = [np.arange(100 * d, 100 * d + n) + 1 for d, n in enumerate(LENGTHS)]
TOKENS = sum(LENGTHS)
STREAM = TOKENS + len([n for n in LENGTHS if n])


def make(block_length=8, batch_size=3, **options):
    return TokenBlocks(DOCUMENTS, eos_id=END, block_length=block_length, batch_size=batch_size, **options)


def pairs(batches):
    """Every (token, next token) that counts."""
    for x, labels, weights in batches:
        yield from zip(x["token_ids"][weights > 0].tolist(), labels[weights > 0].tolist(), strict=True)


def ring_pairs(documents):
    stream = [token for document in documents if len(document) for token in [END, *document.tolist()]]
    return list(zip(stream, [*stream[1:], stream[0]], strict=True))


def test_unshuffled_epochs_read_the_text_from_its_beginning():
    batches = make(shuffle=False)
    assert list(pairs(batches.epoch(0))) == ring_pairs(DOCUMENTS) == list(pairs(batches.epoch(3)))
    assert (batches.num_tokens, batches.num_documents) == (STREAM, 5)


@pytest.mark.parametrize("block_length", [1, 5, STREAM, 1000])
@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_predicts_every_token_once_and_from_its_own_predecessor(block_length, epoch):
    found = list(pairs(make(block_length, seed=4).epoch(epoch)))
    assert Counter(label for _, label in found) == Counter({END: 5, **{int(t): 1 for d in DOCUMENTS for t in d}})
    # Within documents the order is the text's; what follows a document's last token is the end token.
    inside = {pair for pair in ring_pairs(DOCUMENTS) if END not in pair}
    assert {pair for pair in found if END not in pair} == inside
    assert {token for token, label in found if label == END} == {int(d[-1]) for d in DOCUMENTS if len(d)}
    assert {label for token, label in found if token == END} == {int(d[0]) for d in DOCUMENTS if len(d)}


def test_shapes_do_not_change_and_only_the_end_is_filled_up():
    batches = make()
    found = list(batches.epoch(0))
    assert len(found) == batches.num_batches() == math.ceil(math.ceil(STREAM / 8) / 3)
    for x, labels, weights in found:
        assert x.keys() == {"token_ids"}
        assert x["token_ids"].shape == labels.shape == weights.shape == (3, 8)
        assert (x["token_ids"].dtype, labels.dtype, weights.dtype) == (np.int32, np.int32, np.float32)
    assert sum(int(weights.sum()) for _, _, weights in found) == STREAM


def test_epochs_differ_and_come_back():
    batches, again = make(seed=2), make(seed=2)
    first, second = (list(pairs(batches.epoch(epoch))) for epoch in (0, 1))
    assert first != second
    assert list(pairs(again.epoch(1))) == second and list(pairs(again.epoch(0))) == first
    assert list(pairs(make(seed=3).epoch(0))) != first
    starts = {batches_.epoch(0).__next__()[0]["token_ids"][0, 0] for batches_ in map(lambda s: make(seed=s), range(30))}
    assert len(starts) > 10


def test_resuming_skips_batches():
    batches = make(seed=2)
    whole = list(batches.epoch(1))
    stream = batches.stream(1, 1)
    for (x, labels, _), (other, other_labels, _) in zip([next(stream)], whole[1:2], strict=True):
        assert np.array_equal(x["token_ids"], other["token_ids"]) and np.array_equal(labels, other_labels)
    assert stream.position == (1, 2)
    with pytest.raises(UserError, match="cannot resume after batch 9 of epoch 0, which has 3 batches"):
        next(batches.epoch(0, skip_batches=9))


def test_document_masks_number_the_documents_of_each_row():
    for x, _, weights in make(16, 2, document_masks=True, seed=6).epoch(0):
        for tokens, segments, real in zip(x["token_ids"], x["segment_ids"], weights > 0, strict=True):
            document = 0
            for position in np.flatnonzero(real):
                document += position > 0 and tokens[position] == END
                assert segments[position] == document


def test_what_cannot_be():
    with pytest.raises(UserError, match="no tokens to learn from"):
        TokenBlocks([[], []], eos_id=END, block_length=4, batch_size=2)
    with pytest.raises(UserError, match="block_length=0 must be at least 1"):
        make(0)
