import random

import pytest

from zoo.tokenizers import SentencePieceTokenizer

WORDS = [
    *("the", "a", "horse", "rides", "man", "well-known", "don't", "(maybe)", "3", "14", "2025"),
    *("naïve", "café", "straße", "größer", "Übung", "北京", "東京", "привет", "мир"),
]
SYLLABLES = [first + last for first in ("b", "k", "st", "m", "tr", "sch") for last in ("a", "el", "in", "or", "ung")]


@pytest.fixture(scope="session")
def corpus():
    generator = random.Random(7)
    words = WORDS + ["".join(generator.choices(SYLLABLES, k=generator.randrange(2, 4))) for _ in range(300)]
    lines = [" ".join(generator.choices(words, k=generator.randrange(3, 12))) + "." for _ in range(600)]
    return [*lines, "a\ttab", "two  blanks and   three", "<pad> and <s> are text", "▁ is a character"]


@pytest.fixture(scope="session", params=["unigram", "bpe"])
def tokenizer(request, corpus):
    return SentencePieceTokenizer.train(corpus, 420, request.param)
