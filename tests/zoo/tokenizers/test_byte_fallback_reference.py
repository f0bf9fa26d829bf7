"""Ids and texts of byte-pair encoding with byte fallback equal to the `tokenizers` package's."""

import json
import random

import pytest
import tensorflow as tf
from byte_fallback_reference import KINDS, PIECES, SPECIAL, fuzzed, read, reference, vocabulary_and_merges
from byte_pair_reference import broken_texts, odd_texts, source_code
from wordpiece_reference import OTHER_SCRIPTS

from zoo import tokenizers as zoo_tokenizers
from zoo.errors import UserError
from zoo.tokenizers import ByteFallbackTokenizer, clean_text


@pytest.fixture(scope="module")
def entries():
    return vocabulary_and_merges()


def assert_same(ours, theirs, texts):
    encoded = ours.encode(texts)
    expected = [encoding.ids for encoding in theirs.encode_batch_fast(texts, add_special_tokens=False)]
    wrong = [(text, a, b) for text, a, b in zip(texts, encoded.to_list(), expected, strict=True) if a != b]
    assert not wrong, f"{len(wrong)} of {len(texts)}, first {wrong[0]!r}"
    assert [text.decode() for text in ours.decode(encoded).numpy()] == theirs.decode_batch(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_texts(kind, entries):
    theirs = reference(kind, entries)
    ours = read(theirs, special_tokens_in_text=SPECIAL)
    broken = [text.decode() for text in clean_text(broken_texts(200, seed=3)).numpy()]
    lines = [text for file in source_code()[:4] for text in (file, *file.split("\n")[:40])]
    runs = [piece * 700 for piece in ("a", " ", "\n", "漢", "ж", "ab ", "\x00")]
    texts = [*OTHER_SCRIPTS, *PIECES, *lines, *runs, *fuzzed(1200, seed=1), *odd_texts(400, seed=2), *broken]
    assert_same(ours, theirs, texts)
    generator = random.Random(4)
    space = [*range(3), *range(3, 259), *range(0xC0 + 3, 0xF5 + 3), *range(259, ours.vocabulary_size)]
    rows = [generator.choices(space, k=generator.randrange(9)) for _ in range(1000)]
    blank = ours.token_to_id("▁")
    rows += [[blank] * 3, [0x20 + 3] * 3, [1, blank, 2, blank], [0xE2 + 3, 1, 0x96 + 3, 0x81 + 3], []]
    decoded = [text.decode() for text in ours.decode(rows).numpy()]
    assert decoded == theirs.decode_batch(rows)
    assert ["".join(ours.decode_stream(row)) for row in rows] == decoded
    for cut in (1, 2, 5):
        begun = [row[:-cut] for row in rows]
        settled = ours.settled_bytes(tf.ragged.constant(begun, tf.int32, ragged_rank=1)).numpy()
        for text, length, whole in zip(ours.decode(begun).numpy(), settled, decoded, strict=True):
            assert whole.encode().startswith(text[:length])
        # Nothing waits but bytes and control tokens at the end, whose ids come first.
        ended = [row[: max((place + 1 for place, token in enumerate(row) if token >= 259), default=0)] for row in begun]
        assert all(length >= len(text) for text, length in zip(ours.decode(ended).numpy(), settled, strict=True))


def test_control_tokens_are_text_unless_asked_for(entries):
    theirs = reference("mistral", entries)
    ours = read(theirs)
    texts = ["<s>a", "</s>", "a <unk>"]
    assert not {0, 1, 2} & set(ours.encode(texts).flat_values.numpy())
    assert ours.control_tokens == ("<s>", "</s>", "<unk>") and (ours.bos_id, ours.eos_id, ours.pad_id) == (1, 2, 2)
    assert_same(ours.reading_from_text(SPECIAL), theirs, texts)


def test_saved_and_loaded(entries, tmp_path):
    for kind in ("llama2", "words"):
        theirs = reference(kind, entries)
        read(theirs, special_tokens_in_text=["</s>"]).save(tmp_path / kind)
        loaded = zoo_tokenizers.load(tmp_path / kind)
        assert loaded.special_tokens_in_text == ("</s>",) and loaded.eos_id == 2
        assert (loaded.prefix, loaded.split_words) == {"llama2": ("every", False), "words": ("missing", True)}[kind]
        assert_same(loaded, theirs, [text for text in fuzzed(300, seed=5) if "<s>" not in text and "<unk>" not in text])


def _set(*keys, to):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("mistral", _set("model", "byte_fallback", to=False), "byte_fallback False of model"),
        ("mistral", _set("model", "ignore_merges", to=True), "ignore_merges True of model"),
        ("mistral", _set("pre_tokenizer", "prepend_scheme", to="last"), "prepend_scheme 'last'"),
        ("mistral", _set("pre_tokenizer", "replacement", to="_"), "replacement '_' of pre_tokenizer"),
        ("mistral", _set("pre_tokenizer", to=None), "pre_tokenizer None is not supported without normalizer"),
        ("mistral", _set("normalizer", to={"type": "NFKC"}), "normalizer .*NFKC.* is not supported"),
        ("llama2", _set("pre_tokenizer", to={"type": "Whitespace"}), "pre_tokenizer Whitespace is not supported after"),
        ("llama2", _set("normalizer", "normalizers", 0, "prepend", to="_"), "normalizer .* is not supported"),
        ("llama2", _set("decoder", "decoders", 3, "stop", to=1), "stop 1 of decoder"),
        ("llama2", _set("decoder", "decoders", 2, to={"type": "Strip"}), "decoder .* is not supported"),
        ("llama2", _set("model", "merges", 0, to=["<0x41>", "a"]), "merge 1, '<0x41>' and 'a'"),
    ],
)
def test_settings_that_are_not_supported_are_named(kind, change, message, entries, tmp_path):
    content = json.loads(reference(kind, entries).to_str())
    change(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"tokenizer\.json: {message}"):
        ByteFallbackTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json")


def test_all_bytes_must_be_there(entries):
    vocabulary = [token for token in entries[0] if token != "<0x0A>"]
    with pytest.raises(UserError, match="no entry '<0x0A>'"):
        ByteFallbackTokenizer(vocabulary, [])
