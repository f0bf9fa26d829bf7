"""Ids, word ids and offsets equal to the `tokenizers` package's, on real texts, odd ones and random Unicode."""

import random

import numpy as np
import pytest
import tensorflow as tf
from byte_pair_reference import broken_texts, odd_texts, reference, source_code
from tokenizers import AddedToken
from wordpiece_reference import DATA, flat, real_texts

from zoo import tokenizers as zoo_tokenizers
from zoo.tokenizers import BytePairTokenizer, clean_text
from zoo.tokenizers.byte_pair.alphabet import ALPHABET

GPT2 = DATA / "vocabs" / "gpt2"


@pytest.fixture(scope="module")
def trained(corpus):
    return BytePairTokenizer.train([*corpus, *source_code()[:20]], 1500)


@pytest.fixture(scope="module")
def gpt2():
    if not (GPT2 / "vocab.bpe").is_file():
        pytest.skip("needs vocabs/gpt2 under ZOO_DATA_DIR")
    return BytePairTokenizer.from_files(GPT2 / "encoder.json", GPT2 / "vocab.bpe")


def compare(tokenizer, expected_tokenizer, texts):
    """Asserts that both give the same, text by text; returns the number of tokens.

    The reference counts characters, and a token that is a part of one has the whole of it; a blank that was put before
    a text has the whole of the character after it.
    """

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def tokenize(batch):
        tokens = tokenizer.tokenize_with_offsets(batch)
        return tf.stack([part.flat_values for part in tokens]), tokens.token_ids.row_lengths()

    num_tokens = 0
    for first in range(0, len(texts), 1024):
        batch = texts[first : first + 1024]
        found, lengths = (part.numpy() for part in tokenize(tf.constant(batch)))
        expected, expected_lengths = flat(expected_tokenizer.encode_batch(batch, add_special_tokens=False))
        wrong = np.flatnonzero(lengths != expected_lengths)
        assert not wrong.size, batch[wrong[0]]
        contents = [text.encode() for text in batch]
        content = np.frombuffer(b"".join(contents), np.uint8)
        character_of = np.cumsum((content & 0xC0) != 0x80) - 1
        row_starts = np.repeat(np.cumsum([0, *map(len, contents)])[:-1], lengths)
        row_characters = np.repeat(np.cumsum([0, *map(len, batch)])[:-1], lengths)
        found[3] += found[2] == found[3]
        for offset, place in ((2, 0), (3, 1)):
            found[offset] = character_of[row_starts + found[offset] - place] - row_characters + place
        wrong = np.flatnonzero((found != expected).any(0))
        if wrong.size:
            text = batch[np.searchsorted(np.cumsum(lengths), wrong[0], "right")]
            pytest.fail(f"{text!r}: token {found[:, wrong[0]]}, expected {expected[:, wrong[0]]}")
        num_tokens += found.shape[1]
    return num_tokens


@pytest.mark.published
def test_gpt2_vocabulary(gpt2):
    assert gpt2.vocabulary_size == 50257 and gpt2.special_tokens == {"<|endoftext|>": 50256}
    texts = [*real_texts(500), *source_code(), *odd_texts(6000, seed=5)]
    texts += [text.decode() for text in clean_text(broken_texts(500, seed=1)).numpy()]
    assert len(texts) > 10_000
    assert compare(gpt2, reference(gpt2), texts) > 200_000


@pytest.mark.published
def test_entries_of_gpt2_alone_and_in_pairs(gpt2):
    generator = random.Random(3)
    texts = [content.decode("utf-8", "replace") for content in gpt2.token_bytes]
    expected = reference(gpt2)
    expected_ids = [encoding.ids for encoding in expected.encode_batch_fast(texts)]
    assert gpt2.encode(texts).to_list() == expected_ids
    # Every entry but the special one is what its own bytes become.
    alone = [ids for ids, content in zip(expected_ids, gpt2.token_bytes, strict=True) if content.isascii()]
    assert sum(len(ids) == 1 for ids in alone) > 40_000
    pairs = ["".join(generator.choices(texts, k=2)).replace("\ufffd", "") for _ in range(20_000)]
    # Without blanks words are long, and entries meet that never do in a language.
    pairs += ["".join(generator.choices(texts, k=3)).replace("\ufffd", "").replace(" ", "") for _ in range(20_000)]
    assert gpt2.encode(pairs).to_list() == [encoding.ids for encoding in expected.encode_batch_fast(pairs)]


@pytest.mark.published
def test_long_runs(gpt2):
    texts = [
        part * (20_000 // len(part)) for part in ("a", " ", "\n", "ab", "=", "=-", "漢", "é ", "7", "😀", "'s", "\x00")
    ]
    assert gpt2.encode(texts).to_list() == [encoding.ids for encoding in reference(gpt2).encode_batch(texts)]


@pytest.mark.published
def test_decoding_any_ids(gpt2):
    generator = random.Random(1)
    rows = [[generator.randrange(50256) for _ in range(generator.randrange(9))] for _ in range(3000)]
    # Single tokens, hundreds of which begin or end inside a character.
    rows += [[token_id] for token_id in range(50256)]
    decoded = [text.decode() for text in gpt2.decode(rows).numpy()]
    assert decoded == reference(gpt2).decode_batch(rows)
    assert sum("\ufffd" in text for text in decoded) > 400


def test_trained_vocabulary(trained):
    texts = [*source_code()[:10], *odd_texts(3000, seed=2)]
    assert compare(trained, reference(trained), texts) > 40_000


def test_invalid_bytes_are_read_as_their_cleaned_text(trained):
    texts = broken_texts(3000, seed=4)
    cleaned = [text.decode() for text in clean_text(texts).numpy()]
    expected = [encoding.ids for encoding in reference(trained).encode_batch(cleaned)]
    assert trained.encode(texts).to_list() == expected
    assert sum("\ufffd" in text for text in cleaned) > 1000


def test_prefix_space(trained):
    spaced = BytePairTokenizer(trained.vocabulary, trained.merges, add_prefix_space=True)
    texts = odd_texts(1500, seed=8)
    assert compare(spaced, reference(spaced), texts) > 8_000
    assert spaced.encode(["the"]).to_list() == trained.encode([" the"]).to_list() != trained.encode(["the"]).to_list()


@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_special_tokens_in_text(trained, add_prefix_space):
    special = ["<|endoftext|>", "<mask>", "<<mask>>", "</s>", "[a b]", "<é\x00.*>"]
    lstrip = ["<mask>", "</s>"]
    vocabulary = {token: token_id for token_id, token in enumerate(trained.vocabulary)}
    added = {token: len(vocabulary) + index for index, token in enumerate(special[1:])}
    swallowing = [zoo_tokenizers.AddedToken(token, added[token], lstrip=True, control=True) for token in lstrip]
    tokenizer = BytePairTokenizer(
        vocabulary,
        trained.merges,
        {"<|endoftext|>": 0, **added},
        add_prefix_space=add_prefix_space,
        special_tokens_in_text=special,
        added_tokens=swallowing,
    )
    expected = reference(tokenizer)
    expected.add_special_tokens([AddedToken(token, lstrip=token in lstrip, normalized=False) for token in special])
    generator = random.Random(9)
    parts = [
        *special,
        *special,
        *lstrip,
        " ",
        "  ",
        "\n",
        "\t ",
        "\u3000",
        "a",
        "'s",
        "é",
        "<",
        "mask",
        ">",
        "<ma",
        "sk>",
        "\x00",
        "7",
    ]
    texts = ["".join(generator.choices(parts, k=generator.randrange(9))) for _ in range(3000)]
    texts += ["", *special, "a", "<mask", ">", "\n<mask>", " <mask> <mask>  ", "'s<mask>'s", "\n a<mask>\n a"]
    assert compare(tokenizer, expected, texts) > 10_000
    unread = tokenizer.reading_from_text(())
    assert compare(unread, reference(unread), texts) > 10_000
    assert not set(unread.encode(texts).flat_values.numpy()) & {0, *added.values()}


def random_merges(generator):
    """Merges as no training makes them: in any order, of parts that never meet, several for one entry."""
    letters = "abcd"[: generator.randrange(2, 5)]
    entries, merges = list(letters), []
    for _ in range(generator.randrange(1, 14)):
        pair = (generator.choice(entries), generator.choice(entries))
        if len("".join(pair)) <= 7 and pair not in merges:
            merges.append(pair)
            entries.append("".join(pair))
    if generator.random() < 0.5:
        generator.shuffle(merges)
    return letters, merges


def test_random_merges():
    generator = random.Random(12)
    unmade = 0
    for _ in range(250):
        letters, merges = random_merges(generator)
        entries = list(dict.fromkeys(left + right for left, right in merges))
        vocabulary = [*ALPHABET, *entries]
        tokenizer = BytePairTokenizer(vocabulary, merges, [])
        expected = reference(tokenizer)
        texts = ["".join(generator.choices(letters, k=generator.randrange(1, 24))) for _ in range(60)] + entries
        assert tokenizer.encode(texts).to_list() == [encoding.ids for encoding in expected.encode_batch(texts)], merges
        made = [expected.encode(entry).ids == [256 + index] for index, entry in enumerate(entries)]
        unmade += made.count(False)
    assert unmade > 150


def test_transformers_gives_the_same(trained):
    transformers = pytest.importorskip("transformers")
    vocabulary = {token: token_id for token_id, token in enumerate(trained.vocabulary)}
    theirs = transformers.GPT2TokenizerFast(vocab=vocabulary, merges=[tuple(merge) for merge in trained.merges])
    texts = [text for text in odd_texts(1000, seed=6) if "<|endoftext|>" not in text]
    assert trained.encode(texts).to_list() == theirs(texts)["input_ids"]
