"""Every code point, in every class of context, against the reference's normaliser and pre-tokenizer."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from tokenizers import pre_tokenizers
from wordpiece_reference import OTHER_SCRIPTS, bert_normalizer, random_texts

from zoo.tokenizers.offsets import code_points
from zoo.tokenizers.wordpiece.bert_words import BertWords

OPTIONS = {
    "uncased": (True, True, True),
    "cased": (False, False, True),
    "accents without case": (False, True, False),
    "case without accents": (True, False, False),
}
# Planes 3 to 13 hold nothing but ideographs and unassigned code points.
CODE_POINTS = [*range(0xD800), *range(0xE000, 0x30000), *range(0x30000, 0xE0000, 997), *range(0xE0000, 0xE0200)]
CODE_POINTS += [0xF0000, 0xFFFFD, 0xFFFFE, 0x100000, 0x10FF00, 0x10FFFD, 0x10FFFF]


def words_of(splitter, texts):
    words = splitter.split(code_points(texts))
    spelled = tf.strings.unicode_encode(tf.RaggedTensor.from_row_splits(words.codes, words.word_splits), "UTF-8")
    return [word.decode() for word in spelled.numpy()], np.diff(words.row_splits.numpy()).tolist()


def expected_words(normalizer, texts):
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    rows = [[word for word, _ in split(normalizer.normalize_str(text))] for text in texts]
    return list(itertools.chain.from_iterable(rows)), list(map(len, rows))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_code_point_gives_the_words_of_the_reference(name):
    splitter, normalizer = BertWords(*OPTIONS[name]), bert_normalizer(*OPTIONS[name])
    texts = ["".join(f" a{chr(code_point)}b" for code_point in CODE_POINTS[first::100]) for first in range(100)]
    words, lengths = words_of(splitter, texts)
    expected, expected_lengths = expected_words(normalizer, texts)
    assert [pair for pair in zip(words, expected, strict=False) if pair[0] != pair[1]][:5] == []
    assert lengths == expected_lengths


@pytest.mark.parametrize("name", OPTIONS)
def test_random_neighbours_give_the_words_of_the_reference(name):
    splitter, normalizer = BertWords(*OPTIONS[name]), bert_normalizer(*OPTIONS[name])
    texts = [*OTHER_SCRIPTS, *random_texts(3000, seed=5)]
    words, lengths = words_of(splitter, texts)
    expected, expected_lengths = expected_words(normalizer, texts)
    assert [pair for pair in zip(words, expected, strict=False) if pair[0] != pair[1]][:5] == []
    assert lengths == expected_lengths


def test_marks_are_ordered_within_a_text_only():
    splitter = BertWords(True, True, True)
    assert words_of(splitter, ["a\u302e\u1b44"])[0] == ["a\u1b44\u302e"]
    # Across the end of a text, a letter, a stripped mark of class 0 (U+034F), or a character that is split off.
    for texts in (["a\u302e", "\u1b44"], ["a\u302eb\u1b44"], ["a\u302e\u034f\u1b44"], ["\u302e漢\u1b44"]):
        words, _ = words_of(splitter, texts)
        assert "".join(words).index("\u302e") < "".join(words).index("\u1b44")
    # Across what cleaning deletes they do move.
    assert words_of(splitter, ["a\u302e\x00\u1b44"])[0] == ["a\u1b44\u302e"]


def test_no_text_and_empty_texts():
    splitter = BertWords(True, True, True)
    for texts in ([], [""], ["", " \x00", "\u0301", ""]):
        assert words_of(splitter, texts) == ([], [0] * len(texts))


def test_tables_are_small():
    constants = [value for value in vars(BertWords(True, True, True)).values() if isinstance(value, tf.Tensor)]
    assert len(constants) >= 5
    assert sum(constant.numpy().nbytes for constant in constants) < 400_000
