import random

import pytest

from zoo.errors import UserError
from zoo.tokenizers import WordPieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="module")
def trained(corpus):
    return WordPieceTokenizer.train(corpus, 200)


def test_vocabulary(trained, corpus):
    assert trained.vocabulary_size == 200
    assert list(trained.vocabulary[:5]) == SPECIAL
    assert (trained.pad_id, trained.unk_id, trained.cls_id, trained.sep_id, trained.mask_id) == (0, 1, 2, 3, 4)
    assert (trained.lowercase, trained.strip_accents, trained.split_cjk) == (True, True, True)
    entries = set(trained.vocabulary)
    assert {"a", "##a", "京", ".", "u", "##u"} <= entries
    # Words are lowercased and stripped, and neither punctuation nor split ideographs go on inside a word.
    assert not {"Ü", "ü", "##.", "##京"} & entries


def test_every_word_of_the_corpus_is_covered(trained, corpus):
    token_ids = trained.encode(corpus)
    assert trained.unk_id not in token_ids.flat_values.numpy()
    # Fewer tokens than characters: pieces were joined.
    assert token_ids.flat_values.shape[0] < sum(map(len, corpus)) / 2


def test_more_frequent_pairs_are_joined_first():
    texts = ["ab"] * 50 + ["cd"] * 40 + ["ef"] * 30
    # Special tokens, six characters and their continuations, then the joined.
    vocabulary = WordPieceTokenizer.train(texts, 5 + 12 + 2).vocabulary
    assert vocabulary[-2:] == ("ab", "cd")


def test_options_reach_the_tokenizer(corpus):
    cased = WordPieceTokenizer.train(["Übung 北京"] * 9, 20, lowercase=False, split_cjk=False, min_frequency=1)
    assert (cased.lowercase, cased.strip_accents, cased.split_cjk) == (False, False, False)
    assert {"Ü", "##京", "北"} <= set(cased.vocabulary)


def test_rare_characters_are_left_out():
    texts = ["aab abb"] * 20 + ["axb"]
    tokenizer = WordPieceTokenizer.train(texts, 11, max_characters=2)
    assert not any("x" in token for token in tokenizer.vocabulary)
    # The word with the rare character is not trained on as if it were without it.
    assert tokenizer.encode(["axb"]).to_list() == [[tokenizer.unk_id]]


def test_chinese_keeps_more_characters_than_an_alphabet_has():
    characters = [chr(0x4E00 + index) for index in range(3000)]
    tokenizer = WordPieceTokenizer.train(["".join(characters)] * 2, 8000, lower_to_fit=True)
    assert set(characters) <= set(tokenizer.vocabulary)
    # Three quarters of what there is room for, the most frequent ones.
    smaller = WordPieceTokenizer.train(["".join(characters), "".join(characters[:1500])] * 2, 2000, lower_to_fit=True)
    kept = set(characters) & set(smaller.vocabulary)
    assert 1400 < len(kept) <= 1500 and kept <= set(characters[:1500])


def test_a_size_that_the_text_cannot_fill_is_lowered_if_wanted():
    texts = ["ab"] * 50 + ["cd"] * 40 + ["ef"] * 30
    lowered = WordPieceTokenizer.train(texts, 8000, lower_to_fit=True).vocabulary
    assert lowered == WordPieceTokenizer.train(texts, len(lowered)).vocabulary


def test_the_same_vocabulary_every_time():
    """The package's trainer numbers continuing characters by the order of a hash table, another one in every call."""
    generator = random.Random(1)
    texts = [" ".join("".join(generator.choices("abcdefghij", k=4)) for _ in range(8)) for _ in range(300)]
    found = {WordPieceTokenizer.train(texts, 400, min_frequency=1).vocabulary for _ in range(3)}
    assert len(found) == 1
    assert len(found.pop()) == 400


@pytest.mark.parametrize(
    ("texts", "size", "options", "message"),
    [
        ([], 100, {}, "training text is empty"),
        ([" ", "\x00"], 100, {}, "training text is empty"),
        ("text", 100, {}, "not a single text"),
        (["a", b"b"], 100, {}, "training text 2 is bytes"),
        (["abc"] * 5, 10, {}, "too small for this text's 3 characters: use at least 11"),
        (["abc"] * 5, 100, {}, "too large for this text: the largest possible is 13"),
        (["abc"], 100, {}, "largest possible is 11"),
        (["abc"], 100, dict(min_frequency=0), "min_frequency is 0"),
        (["abc"], 100, dict(max_characters=0), "max_characters is 0"),
    ],
)
def test_impossible_training(texts, size, options, message):
    with pytest.raises(UserError, match=message):
        WordPieceTokenizer.train(texts, size, **options)


def test_strange_text_can_be_trained_on():
    texts = ["lone \ud800 surrogate \ud800", "nul\x00 \ufffd", "##a [MASK] [MASK]"] * 3
    vocabulary = WordPieceTokenizer.train(texts, 48, min_frequency=1).vocabulary
    assert vocabulary.count("[MASK]") == 1 and "mask" in vocabulary
