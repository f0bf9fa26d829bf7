"""Ids, word ids and character offsets equal to the `tokenizers` package's, on real texts and on random Unicode."""

import random

import numpy as np
import pytest
import tensorflow as tf
from wordpiece_reference import (
    DATA,
    OTHER_SCRIPTS,
    flat,
    marks_change_places,
    random_texts,
    real_texts,
    reference,
)

from zoo.tokenizers import WordPieceTokenizer, character_offsets

REAL = {
    "bert_uncased": dict(),
    "bert_cased": dict(lowercase=False),
    "bert_chinese": dict(),
}


@pytest.fixture(scope="module")
def texts():
    """More than 5,000 with the data sets, more than 3,000 without."""
    return [*real_texts(550), *OTHER_SCRIPTS * 3, *random_texts(3000, seed=11)]


def compare(tokenizer, expected_tokenizer, texts):
    """Asserts equality text by text; returns the number of tokens and of texts whose offsets were compared."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def tokenize(batch):
        tokens = tokenizer.tokenize_with_offsets(batch)
        starts, ends = character_offsets(batch, tokens.starts), character_offsets(batch, tokens.ends)
        values = [part.flat_values for part in (tokens.token_ids, tokens.word_ids, starts, ends)]
        return tf.stack(values), tokens.token_ids.row_lengths()

    num_tokens, num_offsets = 0, 0
    for first in range(0, len(texts), 1024):
        batch = texts[first : first + 1024]
        found, lengths = (part.numpy() for part in tokenize(tf.constant(batch)))
        expected, expected_lengths = flat(expected_tokenizer.encode_batch(batch, add_special_tokens=False))
        np.testing.assert_array_equal(lengths, expected_lengths)
        defined = np.array([not (tokenizer.strip_accents and marks_change_places(text)) for text in batch])
        wrong = found != expected
        wrong[2:, ~np.repeat(defined, lengths)] = False
        if wrong.any():
            token = np.flatnonzero(wrong.any(0))[0]
            text = batch[np.searchsorted(np.cumsum(lengths), token, "right")]
            pytest.fail(f"{text!r}: token {found[:, token]}, expected {expected[:, token]}")
        num_tokens += found.shape[1]
        num_offsets += int(defined.sum())
    return num_tokens, num_offsets


@pytest.mark.published
@pytest.mark.parametrize("name", REAL)
def test_published_vocabularies(name, texts):
    path = DATA / "vocabs" / name / "vocab.txt"
    if not path.is_file():
        pytest.skip("needs this file under ZOO_DATA_DIR/vocabs")
    tokenizer = WordPieceTokenizer.from_vocabulary_file(path, **REAL[name])
    num_tokens, num_offsets = compare(tokenizer, reference(tokenizer.vocabulary, **REAL[name]), texts)
    assert num_tokens > 100_000 and num_offsets > 5_000


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        dict(lowercase=False),
        dict(lowercase=False, strip_accents=True, split_cjk=False),
        dict(lowercase=True, strip_accents=False, max_word_length=7),
    ],
    ids=str,
)
def test_vocabulary_of_single_characters(options, texts):
    """Nearly nothing is unknown: each normalised character is a token, so that none of them can be mistaken."""
    generator = random.Random(2)
    sample = [*OTHER_SCRIPTS, *generator.sample(texts, 1500)]
    normalize = reference(["[PAD]", "[UNK]"], **options).normalizer.normalize_str
    characters = sorted(set("".join(map(normalize, sample))) - {" "})
    # Some characters are missing, and some pairs are there: [UNK] and longest matches.
    characters = [character for character in characters if generator.random() < 0.995]
    pairs = {text[place : place + 2] for text in map(normalize, sample) for place in range(0, len(text) - 1, 3)}
    pairs = sorted(pair for pair in pairs if " " not in pair and generator.random() < 0.3)
    pieces = characters + pairs
    vocabulary = ["[PAD]", "[UNK]", *pieces, *(f"##{piece}" for piece in pieces)]
    num_tokens, num_offsets = compare(
        WordPieceTokenizer(vocabulary, **options), reference(vocabulary, **options), sample
    )
    assert num_tokens > 10_000 and num_offsets > 1_400


def test_special_tokens_in_text():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "e", "mask", "[", "]", "##a", "漢"]
    special = ("[MASK]", "[SEP]", "[UNK]")
    generator = random.Random(4)
    parts = [
        *special,
        *special,
        "[CLS]",
        " ",
        "a",
        "é",
        "e\u0301",
        "[MA",
        "SK]",
        "[",
        "]",
        "漢",
        "[mask]",
        "\x00",
        "😀",
    ]
    texts = ["".join(generator.choices(parts, k=generator.randrange(10))) for _ in range(2000)]
    # One text ends as a special token begins, and the next goes on.
    texts += ["a[MA", "SK]", "[MASK]", "[MASK]", "[", "MASK]", ""]
    expected = reference(vocabulary)
    expected.add_special_tokens(list(special))
    num_tokens, _ = compare(WordPieceTokenizer(vocabulary, special_tokens_in_text=special), expected, texts)
    assert num_tokens > 5_000


def test_transformers_gives_the_same(texts):
    transformers = pytest.importorskip("transformers")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz.,'"]
    vocabulary += ["the", "man", "frau", *(f"##{character}" for character in "abcdefghijklmnopqrstuvwxyz")]
    batch = [text for text in texts if "[" not in text][:500]
    theirs = transformers.BertTokenizerFast(vocab={token: index for index, token in enumerate(vocabulary)})
    expected = theirs(batch, add_special_tokens=False)["input_ids"]
    assert WordPieceTokenizer(vocabulary).encode(batch).to_list() == expected
    assert len({token_id for row in expected for token_id in row}) > 40
