import random

import numpy as np
import pytest
from random_documents import CLS, FIRST, MASK, PAD, SEP, SPECIAL, UNK

from zoo.data.batches.text_rows import TextRows
from zoo.data.batches.token_masking import TokenMasking
from zoo.errors import UserError

VOCABULARY = 60
WIDTH = 44
# A row by the lengths of its words; special tokens are words of their own, and the last word is cut by the end.
WORDS = [1, 2, 1, 1, 3, 1, 1, 1, 4, 2, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 5, 1]
COPIES = 3000


def masking(**options):
    return TokenMasking(mask_id=MASK, special_ids=SPECIAL, vocabulary_size=VOCABULARY, **options)


def make_rows(copies):
    """The row many times, with [UNK] as a word, [SEP] in the middle, two tokens of a cut word, and padding."""
    rng = np.random.default_rng(0)
    ids, starts = [CLS], [True]
    for number, length in enumerate(WORDS):
        ids += rng.integers(FIRST, VOCABULARY, length).tolist()
        starts += [True] + [False] * (length - 1)
        if number == 5:
            ids += [UNK, SEP]
            starts += [True, True]
    ids += [*rng.integers(FIRST, VOCABULARY, 2).tolist(), SEP]
    starts += [True, False, False]
    length = len(ids)
    ids += [PAD] * (WIDTH - length)
    starts += [True] * (WIDTH - length)
    return TextRows(
        np.tile(np.array(ids, np.int32), (copies, 1)),
        np.full(copies, length),
        np.zeros((copies, WIDTH), np.int32),
        np.tile(np.array(starts), (copies, 1)),
    )


ROWS = make_rows(COPIES)
TOKENS = sum(WORDS) + 2
DRAWN = round(0.15 * TOKENS)


def drawn_places(masked):
    drawn = np.zeros(ROWS.token_ids.shape, bool)
    drawn[np.nonzero(masked.weights)[0], masked.positions[masked.weights > 0]] = True
    return drawn


@pytest.fixture(scope="module", params=[True, False], ids=["words", "tokens"])
def masked(request):
    return request.param, masking(whole_words=request.param)(ROWS, np.random.default_rng(11))


def test_labels_are_what_stood_at_the_positions(masked):
    _, found = masked
    real = found.weights > 0
    lines = np.nonzero(real)[0]
    assert (found.labels[real] == ROWS.token_ids[lines, found.positions[real]]).all()
    assert not found.labels[~real].any() and not found.positions[~real].any()
    # In order, each once, and nothing else has changed.
    assert (np.diff(found.positions, axis=1)[real[:, 1:]] > 0).all()
    assert (found.token_ids == ROWS.token_ids)[~drawn_places(found)].all()
    assert found.positions.shape == (COPIES, masking().num_predictions(WIDTH))
    assert set(np.unique(found.weights)) <= {0.0, 1.0} and (found.weights[:, 0] == 1).all()


def test_the_share_is_drawn_and_never_special_tokens(masked):
    whole_words, found = masked
    assert (found.weights.sum(axis=1) == DRAWN).all() and DRAWN == 6
    never = np.isin(ROWS.token_ids[0], SPECIAL)
    if whole_words:
        never[[ROWS.lengths[0] - 3, ROWS.lengths[0] - 2]] = True
    frequency = drawn_places(found).mean(axis=0)
    assert not frequency[never].any() and (frequency[~never] > 0.03).all()


def test_tokens_are_drawn_alike():
    """Chi-square of how often each of the n tokens is drawn, k at a time: n - 1 on average if they are alike."""
    frequency = drawn_places(masking(whole_words=False)(ROWS, np.random.default_rng(12))).sum(axis=0)
    possible = ~np.isin(ROWS.token_ids[0], SPECIAL)
    share = DRAWN / TOKENS
    expected = COPIES * share
    statistic = ((frequency[possible] - expected) ** 2).sum() / (expected * (1 - share)) * (TOKENS - 1) / TOKENS
    freedom = TOKENS - 1
    assert abs(statistic - freedom) < 4 * np.sqrt(2 * freedom)


def test_whole_words_are_drawn_as_by_the_definition():
    """How often each word is drawn, against the definition run word by word."""
    found = drawn_places(masking()(ROWS, np.random.default_rng(13)))
    words = np.split(np.arange(ROWS.lengths[0]), np.flatnonzero(ROWS.word_starts[0][: ROWS.lengths[0]])[1:])
    words = [word for word in words if not np.isin(ROWS.token_ids[0][word], SPECIAL).any()]
    assert [len(word) for word in words] == WORDS
    ours = np.zeros(len(words))
    for number, word in enumerate(words):
        drawn = found[:, word]
        assert (drawn.all(axis=1) == drawn.any(axis=1)).all()
        ours[number] = drawn[:, 0].mean()
    theirs = np.zeros(len(words))
    rng = random.Random(1)
    for _ in range(COPIES):
        order, total = list(range(len(words))), 0
        rng.shuffle(order)
        for number in order:
            if total + WORDS[number] <= DRAWN:
                total += WORDS[number]
                theirs[number] += 1 / COPIES
    error = np.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / COPIES)
    assert (np.abs(ours - theirs) < 4.5 * error).all()


def test_what_is_seen_in_place_of_drawn_tokens(masked):
    _, found = masked
    real = found.weights > 0
    seen = found.token_ids[np.nonzero(real)[0], found.positions[real]]
    labels = found.labels[real]
    count = len(seen)
    vocabulary = VOCABULARY - FIRST
    # A random token is the right one at times.
    for share, expected in (
        ((seen == MASK).mean(), 0.8),
        ((seen == labels).mean(), 0.1 + 0.1 / vocabulary),
        (((seen != MASK) & (seen != labels)).mean(), 0.1 - 0.1 / vocabulary),
    ):
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / count)
    others = seen[(seen != MASK) & (seen != labels)]
    frequency = np.bincount(others, minlength=VOCABULARY)
    assert not frequency[:FIRST].any()
    # Tokens are fewer by as many as it was the right one; those are few against the bound.
    expected = len(others) / vocabulary
    statistic = ((frequency[FIRST:] - expected) ** 2 / expected).sum()
    assert statistic < vocabulary + 6 * np.sqrt(2 * vocabulary)


def test_rows_with_nothing_to_draw():
    """No token at all; only a cut word; only a word that is too long."""
    rows = TextRows(
        np.array([[CLS, SEP, PAD, PAD, PAD], [CLS, 7, 8, SEP, PAD], [CLS, 7, 8, 9, SEP]], np.int32),
        np.array([2, 4, 5]),
        np.zeros((3, 5), np.int32),
        np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 1], [1, 1, 0, 0, 1]], bool),
    )
    found = masking()(rows, np.random.default_rng(0))
    assert not found.weights.any() and (found.token_ids == rows.token_ids).all()
    assert masking(whole_words=False)(rows, np.random.default_rng(0)).weights.sum(axis=1).tolist() == [0, 1, 1]


def test_shares():
    assert [int(masking().num_predictions(width)) for width in (3, 12, 128, 512)] == [1, 2, 19, 76]
    assert (masking(share=0.4)(ROWS, np.random.default_rng(0)).weights.sum(axis=1) == round(0.4 * TOKENS)).all()
    for share in (0.0, 1.0):
        with pytest.raises(UserError, match="the share of masked tokens must be above 0 and below 1"):
            masking(share=share)
    with pytest.raises(UserError, match="the vocabulary has only special tokens"):
        TokenMasking(mask_id=MASK, special_ids=SPECIAL, vocabulary_size=5)
