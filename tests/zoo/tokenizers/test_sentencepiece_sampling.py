"""Subword regularisation: random segmentations that spell the text, repeatable, and as random as asked for."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers import SentencePieceTokenizer

TEXTS = ["a man rides a horse along the beach", "two dogs\trun\nthrough ▁ the snow", "", "  é␛ 😀 "] * 8


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def tokenizer(request):
    corpus = ["a man rides a horse along the beach", "two dogs run through the snow", "the horse and the man run"] * 30
    return SentencePieceTokenizer.train(corpus, 288, request.param)


def lists(rows):
    return [row.tolist() for row in rows]


def test_every_segmentation_spells_its_text(tokenizer):
    sampled = tokenizer.sample(TEXTS, 0.3, seed=1)
    texts = tokenizer.decode(tf.ragged.constant(lists(sampled), tf.int32, 1)).numpy()
    assert [text.decode() for text in texts] == TEXTS
    assert all(row.dtype == np.int32 for row in sampled)
    # The same text comes eight times; some of its segmentations differ.
    assert len({tuple(row) for row in lists(sampled[0::4])}) > 3


def test_the_seed_decides(tokenizer):
    first = lists(tokenizer.sample(TEXTS, 0.2, seed=7))
    assert lists(tokenizer.sample(TEXTS, 0.2, seed=7)) == first
    assert lists(tokenizer.sample(TEXTS, 0.2, seed=8)) != first


def test_bpe_without_dropout_is_encoding_and_with_more_of_it_finer():
    tokenizer = SentencePieceTokenizer.train(TEXTS[:1] * 50 + TEXTS[1:2] * 50, 320, "bpe")
    encoded = tokenizer.encode(TEXTS).to_list()
    assert lists(tokenizer.sample(TEXTS, 0.0, seed=3)) == encoded
    sizes = [sum(map(len, tokenizer.sample(TEXTS, alpha, seed=3))) for alpha in (0.0, 0.1, 0.5, 1.0)]
    assert sizes == sorted(set(sizes))
    # Every merge left out: single characters, of which the leading blank is one.
    assert len(tokenizer.sample(TEXTS[:1], 1.0, seed=3)[0]) == len(TEXTS[0]) + 1


def test_impossible_values():
    tokenizer = SentencePieceTokenizer.train(TEXTS[:1] * 50, 300, "bpe")
    for alpha in (-0.1, 1.1):
        with pytest.raises(UserError, match=f"alpha must be at least 0, and at most 1 for BPE, got {alpha}"):
            tokenizer.sample(["a"], alpha, seed=0)
    assert lists(tokenizer.sample(["a \ud800"], 0.0, seed=0)) == tokenizer.encode(["a \ufffd"]).to_list()
