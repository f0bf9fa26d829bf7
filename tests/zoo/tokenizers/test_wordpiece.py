import os
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from wordpiece_reference import OTHER_SCRIPTS, reference

from export.op_allow_list import KNOWN_SERVERS, ops_used, servers_with
from zoo import tokenizers
from zoo.errors import UserError
from zoo.tokenizers import TokenizedText, WordPieceTokenizer, clean_text

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, "play", "##ing", "##ed", "a", "##a", "un", ".", "'", "漢", "cafe", "sep", "[", "]", "[unused1]"]


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer(VOCABULARY)


def spans(tokens, texts):
    """The bytes of each token, cut out of the cleaned texts."""
    rows = zip(clean_text(texts).numpy(), tokens.starts.to_list(), tokens.ends.to_list(), strict=True)
    return [[text[start:end].decode() for start, end in zip(*offsets, strict=True)] for text, *offsets in rows]


def test_special_ids(tokenizer):
    ids = tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id
    assert ids == (0, 1, 2, 3, 4)
    assert (tokenizer.bos_id, tokenizer.eos_id) == (2, 3)
    assert tokenizer.vocabulary_size == len(VOCABULARY)
    assert WordPieceTokenizer(["a", "[UNK]", "[PAD]"]).unk_id == 1
    smallest = WordPieceTokenizer(["a", "[UNK]", "[PAD]"])
    assert (smallest.bos_id, smallest.eos_id, smallest.mask_id, smallest.pad_id) == (None, None, None, 2)


def test_tokens_with_offsets(tokenizer):
    texts = ["Playing. CAFÉ", "", "unplayed e\u0301a漢a"]
    tokens = tokenizer.tokenize_with_offsets(texts)
    assert isinstance(tokens, TokenizedText)
    assert all(part.dtype == tf.int32 for part in tokens)
    assert [tokenizer.id_to_token(row) for row in tokens.token_ids.to_list()] == [
        ["play", "##ing", ".", "cafe"],
        [],
        ["[UNK]", "[UNK]", "漢", "a"],
    ]
    assert tokens.word_ids.to_list() == [[0, 0, 1, 2], [], [0, 1, 2, 3]]
    assert spans(tokens, texts) == [["Play", "ing", ".", "CAFÉ"], [], ["unplayed", "e\u0301a", "漢", "a"]]
    assert tokenizer.encode(texts).to_list() == tokens.token_ids.to_list()
    assert tokenizer.encode(texts).dtype == tf.int32


def test_text_never_yields_a_special_token_unless_asked(tokenizer):
    texts = ["[SEP] a[MASK]", "[CLS][PAD]", "[unused1]"]
    assert not {0, 2, 3, 4} & set(tokenizer.encode(texts).flat_values.numpy().tolist())
    assert VOCABULARY.index("[unused1]") not in tokenizer.encode(texts).flat_values.numpy()
    asked = WordPieceTokenizer(VOCABULARY, special_tokens_in_text=["[MASK]"])
    tokens = asked.tokenize_with_offsets(texts)
    assert asked.id_to_token(tokens.token_ids.to_list()[0]) == ["[", "sep", "]", "a", "[MASK]"]
    assert spans(tokens, texts)[0] == ["[", "SEP", "]", "a", "[MASK]"]
    assert tokens.word_ids.to_list()[0] == [0, 1, 2, 3, 4]
    # A [UNK] of the text keeps the offsets of its word.
    unknown = WordPieceTokenizer(VOCABULARY, special_tokens_in_text=["[UNK]"])
    assert spans(unknown.tokenize_with_offsets(["zz[UNK]zzz"]), ["zz[UNK]zzz"]) == [["zz", "[UNK]", "zzz"]]


def test_text_cannot_hold_what_stands_for_a_special_token_in_the_graph():
    asked = WordPieceTokenizer(VOCABULARY, special_tokens_in_text=SPECIAL)
    texts = [chr(code_point) for code_point in range(0x10FF00, 0x110000)]
    # The last two are no private use characters but unassigned, which cleaning leaves.
    expected = [[]] * 254 + [[asked.unk_id]] * 2
    assert asked.encode(texts).to_list() == expected
    assert reference(VOCABULARY).encode("".join(texts)).tokens == ["[UNK]"]


def test_any_bytes_are_read_as_their_cleaned_text(tokenizer):
    generator = random.Random(6)
    pieces = [
        b"a",
        b"\xc3\xa9",
        b"\xff",
        b"\xe2\x96",
        b"\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\x00",
        b" ",
        b"\xcc\x81",
    ]
    texts = [b"".join(generator.choices(pieces, k=generator.randrange(10))) for _ in range(2000)]
    texts += [bytes(generator.randrange(256) for _ in range(generator.randrange(20))) for _ in range(2000)]
    tokens, cleaned = tokenizer.tokenize_with_offsets(texts), clean_text(texts)
    for part, of_cleaned in zip(tokens, tokenizer.tokenize_with_offsets(cleaned), strict=True):
        assert part.to_list() == of_cleaned.to_list()
    assert cleaned.numpy().tolist() != texts
    for text, starts, ends in zip(cleaned.numpy(), tokens.starts.to_list(), tokens.ends.to_list(), strict=True):
        assert starts == sorted(starts) and ends == sorted(ends)
        for start, end in zip(starts, ends, strict=True):
            assert 0 <= start < end <= len(text) and text[start:end].decode()


def test_lone_surrogates_and_nul(tokenizer):
    texts = ["a\ud800a", "pl\x00ay\x00", "\x00"]
    tokens = tokenizer.tokenize_with_offsets(texts)
    assert tokenizer.id_to_token(tokens.token_ids.to_list()[0]) == ["a", "##a"]
    assert spans(tokens, texts)[1:] == [["pl\x00ay"], []]


@pytest.mark.parametrize("part", ["a", "é ", "漢", "e\u0301", "한", " ", "play.", "\u1b44\u302e", "😀\x00"])
def test_a_million_characters(tokenizer, part):
    text = part * (1_000_000 // len(part))
    tokens = tokenizer.tokenize_with_offsets([text, "a"])
    expected = reference(VOCABULARY).encode(part * 1000)
    words = len(set(expected.word_ids))
    # One word of letters is one [UNK]; otherwise tokens repeat with the part.
    expected_count = len(expected.ids) if words <= 1 else len(expected.ids) // 1000 * (1_000_000 // len(part))
    assert tokens.token_ids.row_lengths().numpy().tolist() == [expected_count, 1]
    if expected_count:
        last = text.encode().rstrip(b" \x00")
        assert tokens.ends[0, -1].numpy() == len(last.removesuffix("\u0301".encode()))


def test_rows_do_not_depend_on_their_neighbours(tokenizer):
    texts = ["Playing", "", "a", " ", "a'", "\u0301", "漢", "\x00"]
    together = tokenizer.tokenize_with_offsets(texts)
    for index, text in enumerate(texts):
        for part, alone in zip(together, tokenizer.tokenize_with_offsets([text]), strict=True):
            assert part[index].numpy().tolist() == alone[0].numpy().tolist()
    assert tokenizer.encode([]).shape[0] == 0
    assert tokenizer.tokenize_with_offsets(tf.constant([], tf.string)).starts.to_list() == []


def test_decode_as_the_reference(tokenizer):
    generator = random.Random(1)
    rows = [[generator.randrange(len(VOCABULARY)) for _ in range(generator.randrange(8))] for _ in range(500)]
    theirs = reference(VOCABULARY)
    theirs.add_special_tokens(SPECIAL)
    expected = theirs.decode_batch(rows, skip_special_tokens=True)
    for ids in (rows, tf.ragged.constant(rows, tf.int64), tf.ragged.constant(rows, tf.int32).to_tensor()):
        assert [text.decode() for text in tokenizer.decode(ids).numpy()] == expected
    assert sum(text.startswith("##") for text in expected) > 10


def test_decode_of_encoded_text(tokenizer):
    decoded = tokenizer.decode([[2, *tokenizer.encode(["Playing a  café."]).to_list()[0], 3, 0, 0], [0]])
    assert [text.decode() for text in decoded.numpy()] == ["playing a cafe .", ""]


@pytest.mark.parametrize("wrong_id", [-1, len(VOCABULARY)])
def test_ids_outside_the_vocabulary(tokenizer, wrong_id):
    with pytest.raises(tf.errors.InvalidArgumentError):
        tokenizer.decode([[5, wrong_id]])
    with pytest.raises(IndexError, match=f"{wrong_id} is outside"):
        tokenizer.id_to_token([wrong_id])


def test_tokens_and_ids(tokenizer):
    assert [tokenizer.token_to_id(token) for token in tokenizer.id_to_token(range(len(VOCABULARY)))] == list(
        range(len(VOCABULARY))
    )
    with pytest.raises(KeyError, match="nothing"):
        tokenizer.token_to_id("nothing")


def test_save_and_load(tmp_path):
    options = dict(lowercase=False, strip_accents=True, split_cjk=False, max_word_length=4)
    tokenizer = WordPieceTokenizer([*VOCABULARY, "\u2028x", "é"], **options, special_tokens_in_text=("[MASK]",))
    tokenizer.save(tmp_path / "tokenizer")
    texts = [*OTHER_SCRIPTS, "aa漢 aaaaa a[MASK] Á", "\u2028x"]
    for loaded in (tokenizers.load(tmp_path / "tokenizer"), WordPieceTokenizer.load(tmp_path / "tokenizer")):
        assert type(loaded) is WordPieceTokenizer and loaded.vocabulary == tokenizer.vocabulary
        for name, value in options.items():
            assert getattr(loaded, name) == value
        assert loaded.special_tokens_in_text == ("[MASK]",)
        assert loaded.encode(texts).to_list() == tokenizer.encode(texts).to_list()
    assert sorted(path.name for path in (tmp_path / "tokenizer").iterdir()) == ["tokenizer.json", "vocab.txt"]
    default = WordPieceTokenizer(VOCABULARY)
    assert default.encode(texts).to_list() != tokenizer.encode(texts).to_list()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"options": {', '"choices": {'),
        ('"lowercase": true', '"lowercase": "yes"'),
        ('"max_word_length": 100', '"max_word_length": null'),
        ('"split_cjk": true,', ""),
        ('"special_tokens_in_text": []', '"special_tokens_in_text": 3'),
        ('"special_tokens_in_text": []', '"special_tokens_in_text": ["[NONE]"]'),
    ],
)
def test_damaged_options_are_named(tokenizer, tmp_path, old, new):
    tokenizer.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = path.read_text()
    assert content.count(old) == 1
    path.write_text(content.replace(old, new))
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        tokenizers.load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(max_word_length=0), "max_word_length is 0"),
        (dict(max_word_length=True), "max_word_length is True"),
        (dict(special_tokens_in_text="[MASK]"), "use a list of tokens"),
        (dict(lowercase="no"), "lowercase is 'no'; use True or False"),
        (dict(strip_accents=1), "strip_accents is 1"),
        (dict(special_tokens_in_text=["play"]), "'play', which is none of"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(UserError, match=message):
        WordPieceTokenizer(VOCABULARY, **options)


def test_one_text_in_place_of_a_list(tokenizer):
    with pytest.raises(UserError, match="put it in a list"):
        tokenizer.encode("a text")


def test_setting_a_seed_leaves_tokenizers_alive(tokenizer):
    expected = tokenizer.encode(["Playing"]).to_list()
    traced = tf.function(lambda texts: tokenizer.encode(texts).values)
    assert traced(tf.constant(["Playing"])).numpy().tolist() == expected[0]
    tf.random.set_seed(3)
    keras.utils.set_random_seed(4)
    assert tokenizer.encode(["Playing"]).to_list() == expected
    assert traced(tf.constant(["Playing"])).numpy().tolist() == expected[0]


def test_tokenizer_made_inside_a_function_outlives_its_trace():
    made = []

    @tf.function
    def first(texts):
        made.append(WordPieceTokenizer(VOCABULARY))
        return made[0].encode(texts).values

    assert first(tf.constant(["a"])).numpy().tolist() == made[0].encode(["a"]).to_list()[0]


def test_all_the_work_is_for_the_cpu(tokenizer):
    """A server with a GPU would copy between it and the strings' memory for every operation."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def tokenize(texts):
        return tokenizer.tokenize_with_offsets(texts), tokenizer.encode(texts)

    operations = tokenize.get_concrete_function().graph.get_operations()
    elsewhere = {op.type for op in operations if "CPU:0" not in op.device}
    assert len(operations) > 300
    # What comes in and goes out.
    assert elsewhere <= {"Placeholder", "Identity", "Const", "NoOp"}


class Served(tf.Module):
    """What a model's graph holds: all that a tokenizer can do."""

    def __init__(self, tokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def serve(self, texts):
        tokens = self.tokenizer.tokenize_with_offsets(texts)
        starts = tokenizers.character_offsets(texts, tokens.starts)
        values = dict(zip(tokens._fields, (part.flat_values for part in tokens), strict=True))
        decoded = self.tokenizer.decode(self.tokenizer.encode(texts))
        return {**values, "characters": starts.flat_values, "lengths": starts.row_lengths(), "text": decoded}


FRESH_PROCESS = """
import sys, numpy
import tensorflow as tf
import tensorflow_text
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
texts = tf.constant(numpy.load(sys.argv[1] + "/texts.npy", allow_pickle=True).tolist())
assert not any(name.startswith("zoo") for name in sys.modules)
numpy.savez(sys.argv[1] + "/answer.npz", **{name: value.numpy() for name, value in serve(texts).items()})
"""


def test_saved_model_in_a_process_with_nothing_but_tensorflow(tmp_path):
    generator = random.Random(8)
    words = ["".join(generator.choices("abcdefghij", k=6)) for _ in range(30_000)]
    vocabulary = [*VOCABULARY, *dict.fromkeys(words)]
    served = Served(WordPieceTokenizer(vocabulary, special_tokens_in_text=["[MASK]"]))
    tf.saved_model.save(served, str(tmp_path / "made"), signatures=served.serve)
    directory = (tmp_path / "made").rename(tmp_path / "moved")
    for op in ops_used(directory):
        assert servers_with(op) == KNOWN_SERVERS, op
    assert sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) < 3_000_000

    texts = [text.encode() for text in [*OTHER_SCRIPTS, " ".join(words[:50]), "a [MASK]", "\u1b44\u302e\u1b44"]]
    texts.append(b"\xff pl\xe2\x96aying")
    np.save(directory / "texts.npy", np.array(texts, object), allow_pickle=True)
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, str(directory)],
        env={**os.environ, "PYTHONPATH": "", "KERAS_BACKEND": "tensorflow"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(directory / "answer.npz", allow_pickle=True) as answer:
        for name, value in served.serve(tf.constant(texts)).items():
            assert answer[name].tolist() == value.numpy().tolist()
        assert len(answer["token_ids"]) > 200
