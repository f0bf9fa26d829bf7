"""Tokens added to vocabularies: ids, offsets and texts as transformers has them, and what stays text."""

import json
import os
import random
from pathlib import Path

import pytest
import tensorflow as tf
import transformers
from added_token_shapes import SHAPES, compare, read, texts_with, write
from tokenizers import AddedToken as TheirToken

from zoo import tokenizers
from zoo.checkpoints.hugging_face import load_tokenizer, tokenizer_files
from zoo.errors import UserError
from zoo.tokenizers import AddedToken, SentencePieceTokenizer, WordPieceTokenizer

DATA = Path(os.environ.get("ZOO_DATA_DIR", "nowhere"))
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"[]/abcdeé1",
    *(f"##{each}" for each in "abcdeé1"),
    "東",
    "京",
]


@pytest.mark.parametrize("name", SHAPES)
def test_ids_are_those_of_transformers(name):
    texts, added, wrong = compare(name, 200)
    assert texts > 200 and added > 120 and wrong == []


@pytest.mark.published
@pytest.mark.parametrize("name", SHAPES)
def test_ids_with_published_vocabularies(name):
    if not (DATA / "vocabs" / "gpt2").is_dir():
        pytest.skip("needs vocabs under ZOO_DATA_DIR")
    texts, _, wrong = compare(name, 5000, DATA / "vocabs")
    assert texts > 5000 and wrong == []


@pytest.mark.parametrize("name", ["BERT: every flag", "GPT-2: every flag"])
def test_offsets_and_texts_are_those_of_transformers(tmp_path, name):
    theirs = write(name, tmp_path / "directory")
    ours = read(name, tmp_path / "directory")
    # Blanks that a BERT token swallows are found in the normalised text, where an ideograph has blanks of its own.
    texts = [text for text in texts_with(SHAPES[name][2], 300) if "東" not in text and "中" not in text]
    tokens = ours.tokenize_with_offsets(texts)
    starts, ends = (tokenizers.character_offsets(texts, places).to_list() for places in (tokens.starts, tokens.ends))
    expected = theirs.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    assert tokens.token_ids.to_list() == [encoding.ids for encoding in expected]
    added = {token.id for token in ours.added_tokens}
    compared = 0
    for row, encoding in enumerate(expected):
        for place, offsets in enumerate(encoding.offsets):
            if encoding.ids[place] in added:
                assert (starts[row][place], ends[row][place]) == offsets, texts[row]
                compared += 1
    assert compared > 300
    word_ids = tokens.word_ids.to_list()
    assert all(numbers == sorted(numbers) and set(numbers) == set(range(len(set(numbers)))) for numbers in word_ids)
    if name.startswith("GPT-2"):
        ids = tokens.token_ids.to_list()
        decoded = [text.decode() for text in ours.decode(ids).numpy()]
        assert decoded == theirs.batch_decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("name", ["BERT: every flag", "GPT-2: every flag", "T5: {, }, <", "Marian: names"])
def test_presets_and_graphs_keep_them(tmp_path, name):
    write(name, tmp_path / "directory")
    ours = read(name, tmp_path / "directory")
    texts = texts_with(SHAPES[name][2], 60, seed=1)
    expected = ours.encode(texts).to_list()
    ours.save(tmp_path / "saved")
    again = tokenizers.load(tmp_path / "saved")
    assert again.added_tokens == ours.added_tokens and again.encode(texts).to_list() == expected
    assert again.decode(expected).numpy().tolist() == ours.decode(expected).numpy().tolist()
    signature = [tf.TensorSpec([None], tf.string)]
    traced = tf.function(lambda batch: again.encode(batch), input_signature=signature, autograph=False)
    assert traced(tf.constant(texts)).to_list() == expected
    # Every text alone, so that nothing depends on its neighbours.
    assert [traced(tf.constant([text])).to_list()[0] for text in texts] == expected


def test_written_directories_are_read_alike_by_transformers(tmp_path):
    for name in ("BERT: every flag", "GPT-2: every flag", "RoBERTa: markers"):
        directory = tmp_path / name[:4]
        write(name, directory)
        ours = read(name, directory)
        config = json.loads((directory / "config.json").read_text())
        written = tmp_path / f"{name[:4]} again"
        written.mkdir()
        for file, save in tokenizer_files(ours).items():
            save(written / file)
        (written / "config.json").write_text(json.dumps(config))
        texts = texts_with(SHAPES[name][2], 100, seed=2)
        theirs = transformers.AutoTokenizer.from_pretrained(written)
        assert theirs(texts, add_special_tokens=False)["input_ids"] == ours.encode(texts).to_list()
        assert load_tokenizer(written).encode(texts).to_list() == ours.encode(texts).to_list()


def test_control_tokens_stay_text_unless_asked(tmp_path):
    for name, control in (
        ("BERT: every flag", "[SEP]"),
        ("GPT-2: every flag", "<|endoftext|>"),
        ("T5: {, }, <", "</s>"),
    ):
        directory = tmp_path / name[:2]
        theirs = write(name, directory)
        ours = read(name, directory)
        texts = [f"a{control}b", control]
        control_id = theirs.convert_tokens_to_ids(control)
        assert control_id not in ours.encode(texts).flat_values.numpy()
        asked = ours.reading_from_text(ours.control_tokens)
        assert asked.encode(texts).to_list() == theirs(texts, add_special_tokens=False)["input_ids"]
        asked.save(directory / "saved")
        assert tokenizers.load(directory / "saved").encode(texts).to_list() == asked.encode(texts).to_list()


def test_any_tokens_beside_the_package():
    """Tokens that overlap, hold each other or blanks, with any flags, over BERT's and no normalisation."""
    generator = random.Random(7)
    reference = transformers.BertTokenizer(vocab={token: number for number, token in enumerate(VOCABULARY)})
    letters = ["a", "b", "É", " ", "[", "1", "東", "\n"]
    for _ in range(12):
        contents = {"".join(generator.choices(letters, k=generator.randrange(1, 4))) for _ in range(5)}
        contents = sorted(content for content in contents if content.strip())
        flags = [
            {flag: generator.random() < 0.3 for flag in ("lstrip", "rstrip", "single_word", "normalized")}
            for _ in contents
        ]
        theirs = transformers.BertTokenizer(vocab=dict(reference.get_vocab()))
        theirs.add_tokens([TheirToken(content, **each) for content, each in zip(contents, flags, strict=True)])
        ids = theirs.get_vocab()
        added = [
            AddedToken(content, ids[content], special=False, **each)
            for content, each in zip(contents, flags, strict=True)
        ]
        ours = WordPieceTokenizer(VOCABULARY, added_tokens=added)
        texts = ["".join(generator.choices([*letters, *contents], k=generator.randrange(9))) for _ in range(150)]
        expected = theirs(texts, add_special_tokens=False)["input_ids"]
        found = ours.encode(texts).to_list()
        for text, one, other in zip(texts, found, expected, strict=True):
            assert one == other, (text, added)


def test_vocabularies_with_empty_and_repeated_entries(tmp_path):
    """The file as transformers reads it: the last of several entries counts."""
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "", "##", "b", "a", "##a"]
    (tmp_path / "vocab.txt").write_text("\n".join(entries) + "\n")
    found = WordPieceTokenizer.from_vocabulary_file(tmp_path / "vocab.txt")
    texts = ["a b ab ba ## #", "", " "]
    assert found.encode(texts).to_list()[0][:5] == [9, 8, 1, 8, 10] and found.vocabulary_size == len(entries)
    # What transformers 5 makes of the Chinese vocabulary holds an empty entry and "##".
    vocabulary = {
        token: number for number, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "", "##", "a"])
    }
    theirs = transformers.BertTokenizer(vocab=vocabulary)
    theirs.save_pretrained(tmp_path / "saved")
    assert (
        load_tokenizer(tmp_path / "saved").encode(texts).to_list()
        == theirs(texts, add_special_tokens=False)["input_ids"]
    )


def test_what_cannot_be_followed_is_refused(tmp_path):
    write("BERT: vocab.txt, added_tokens.json", tmp_path / "bert")
    path = tmp_path / "bert" / "added_tokens.json"
    path.write_text(json.dumps({"[E1]": 5000}))
    with pytest.raises(UserError, match=r"added token '\[E1\]' has id 5000, but \d+ is next"):
        load_tokenizer(tmp_path / "bert")
    write("Marian: names", tmp_path / "marian")
    config = json.loads((tmp_path / "marian" / "tokenizer_config.json").read_text())
    for token in config["added_tokens_decoder"].values():
        token["single_word"] = True
    (tmp_path / "marian" / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"single_word of added token .* is not supported for Marian"):
        read("Marian: names", tmp_path / "marian")


def test_added_tokens_of_a_trained_model():
    trained = SentencePieceTokenizer.train(["the cat sat on the mat", "a dog ran"] * 20, 282)
    added = [
        AddedToken("<new>\t", trained.vocabulary_size, special=False),
        AddedToken("ﬁ", trained.vocabulary_size + 1, special=False, normalized=True),
    ]
    tokenizer = SentencePieceTokenizer(trained.model, added)
    ids = tokenizer.encode(["the <new>\tcat ﬁ", "the cat"])
    assert ids.to_list()[1] == trained.encode(["the cat"]).to_list()[0]
    assert {token.id for token in added} <= set(ids.to_list()[0])
    assert tokenizer.decode(ids).numpy().tolist() == ["the <new>\t cat ﬁ".encode(), b"the cat"]
