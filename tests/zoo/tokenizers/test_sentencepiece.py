import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import UserError
from zoo.tokenizers import SentencePieceTokenizer
from zoo.tokenizers.sentencepiece.reversible_escape import escape_text

HARD_TEXTS = [
    "",
    " ",
    "   leading, trailing and  inner blanks  ",
    "\t\r\n\n",
    "\x00",
    "a\x00\x00b",
    "▁",
    "▁▁ ▁x",
    "▅",
    "␛",
    "␛t␛␛e",
    "<s>",
    "<pad> <unk></s>",
    "<0x41><0xE2>",
    "👨‍👩‍👧‍👦 👍🏽",
    "e\u0301 vs é",
    "\x01\x02\x1b\x7f\x85\u2028\u2029\u00a0",
    "\ufeffbom",
    "\ufffe\uffff\U0010ffff",
    "\ue000\U000f0000",
    "\ufffd",
    " ⁇ ⁇",
    "مرحبا بالعالم",
    "x" * 20_000,
    " " * 300,
]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NASTY_TEXT = st.lists(st.sampled_from([*HARD_TEXTS[:-2], *"▁▅␛\x00\t\n\r eutnxz<>"]), max_size=8).map("".join)


def texts_of(tensor):
    return [text.decode("utf-8") for text in tensor.numpy()]


def round_trip(tokenizer, texts):
    return texts_of(tokenizer.decode(tokenizer.encode(texts)))


def random_text(generator):
    def character():
        kind = generator.randrange(5)
        if kind == 0:
            return chr(generator.randrange(32, 127))
        if kind == 1:
            return generator.choice("▁▅␛\x00\t\n\r eutnxz")
        if kind == 2:
            return generator.choice(HARD_TEXTS[:-2])
        code = generator.randrange(0x110000 - 0x800)
        return chr(code if code < 0xD800 else code + 0x800)

    return "".join(character() for _ in range(generator.randrange(12)))


def test_special_ids(tokenizer):
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id) == (0, 1, 2, 3)
    assert tokenizer.vocabulary_size == 420
    assert tokenizer.id_to_token([0, 1, 2, 3]) == ["<pad>", "<s>", "</s>", "<unk>"]


@pytest.mark.parametrize("text", HARD_TEXTS, ids=lambda text: repr(text[:12]))
def test_hard_text_comes_back(tokenizer, text):
    assert round_trip(tokenizer, [text, "neighbour"]) == [text, "neighbour"]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.one_of(ANY_TEXT, NASTY_TEXT), min_size=1, max_size=12))
def test_any_text_comes_back(tokenizer, texts):
    assert round_trip(tokenizer, texts) == texts


def test_twelve_thousand_random_texts_come_back_with_the_ids_of_the_reference(tokenizer):
    generator = random.Random(11)
    reference = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    for _ in range(12):
        texts = [random_text(generator) for _ in range(1024)]
        token_ids = tokenizer.encode(texts)
        assert token_ids.to_list() == reference.encode([escape_text(text) for text in texts])
        assert texts_of(tokenizer.decode(token_ids)) == texts


def test_text_never_yields_a_special_token(tokenizer):
    token_ids = tokenizer.encode(["<s> </s> <pad> <unk>", "日本語 한국어 \x00"]).flat_values.numpy()
    assert not set(token_ids.tolist()) & {0, 1, 2, 3}


def test_ids_are_int32_and_no_special_token_is_added(tokenizer):
    token_ids = tokenizer.encode(tf.constant(["", "a horse"]))
    assert token_ids.dtype == tf.int32
    assert token_ids.row_lengths().numpy().tolist()[0] == 0
    assert tokenizer.encode([]).shape[0] == 0


def test_invalid_utf8_is_read_as_the_replacement_character(tokenizer):
    texts = tf.constant([b"ok \xff\xfe end", b"\xe2\x96", b"\xc0\x80", b"\xed\xa0\x80"])
    decoded = texts_of(tokenizer.decode(tokenizer.encode(texts)))
    assert decoded[0] == "ok \ufffd\ufffd end"
    assert all(set(text) == {"\ufffd"} for text in decoded[1:])
    assert round_trip(tokenizer, ["lone \ud800 surrogate"])[0].replace("\ufffd", "") == "lone  surrogate"


def test_decode_drops_special_tokens_wherever_they_are(tokenizer):
    row = tokenizer.encode(["a man  rides"]).to_list()[0]
    expected = "a man  rides"
    assert texts_of(tokenizer.decode([[1, *row, 2], [0, *row[:2], 0, 2, *row[2:], 0]])) == [expected] * 2


def test_decode_of_dense_padded_ids(tokenizer):
    texts = ["", "a horse", "the man\trides over the street"]
    dense = tokenizer.encode(texts).to_tensor(tokenizer.pad_id)
    assert texts_of(tokenizer.decode(dense)) == texts
    assert texts_of(tokenizer.decode(tf.cast(dense, tf.int64))) == texts


def test_decode_of_any_ids_is_valid_utf8(tokenizer):
    generator = random.Random(3)
    first_byte = tokenizer.token_to_id("<0x00>")
    rows = [[generator.randrange(first_byte, first_byte + 256) for _ in range(20)] for _ in range(500)]
    rows += [[generator.randrange(tokenizer.vocabulary_size) for _ in range(20)] for _ in range(500)]
    assert len(texts_of(tokenizer.decode(rows))) == 1000


def test_decode_joins_byte_pieces_into_characters(tokenizer):
    row = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in "é€😀".encode()]
    assert texts_of(tokenizer.decode([row, row[:-1]])) == ["é€😀", "é€\ufffd"]


@pytest.mark.parametrize("token_id", [-1, 420, 2**31 - 1])
def test_decode_refuses_ids_outside_the_vocabulary(tokenizer, token_id):
    for decode in (tokenizer.decode, tf.function(tokenizer.decode)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            decode(tf.constant([[4, token_id]]))


def test_tokens_and_ids_are_each_other_s_inverse(tokenizer):
    every = list(range(tokenizer.vocabulary_size))
    reference = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    assert tokenizer.id_to_token(every) == [reference.id_to_piece(token_id) for token_id in every]
    assert [tokenizer.token_to_id(token) for token in tokenizer.id_to_token(every)] == every
    with pytest.raises(KeyError):
        tokenizer.token_to_id("no such piece")
    with pytest.raises(IndexError, match="-1"):
        tokenizer.id_to_token([-1])


def test_one_text_instead_of_a_list_is_refused(tokenizer):
    with pytest.raises(UserError, match="list"):
        tokenizer.encode("a horse")
    with pytest.raises(UserError, match=r"shape \[B\]"):
        tokenizer.encode(tf.constant([["a"]]))


def test_rows_do_not_depend_on_their_neighbours(tokenizer):
    alone = [tokenizer.encode([text]).to_list()[0] for text in HARD_TEXTS]
    assert tokenizer.encode(HARD_TEXTS).to_list() == alone


class TextModule(tf.Module):
    """Holds a tokenizer as exports do."""

    def __init__(self, tokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def echo(self, text):
        token_ids = self.tokenizer.encode(text).to_tensor(self.tokenizer.pad_id)
        return {"token_ids": token_ids, "text": self.tokenizer.decode(token_ids)}


FRESH_PROCESS = """
import sys
import tensorflow as tf
import tensorflow_text
texts = tf.io.parse_tensor(tf.io.read_file("texts"), tf.string)
outputs = tf.saved_model.load("saved").signatures["serving_default"](text=texts)
assert not {"zoo", "sentencepiece"} & set(sys.modules)
tf.io.write_file("text", tf.io.serialize_tensor(outputs["text"]))
tf.io.write_file("token_ids", tf.io.serialize_tensor(outputs["token_ids"]))
"""


def test_saved_model_answers_the_same_in_a_fresh_process(tokenizer, tmp_path):
    module = TextModule(tokenizer)
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.echo)
    texts = tf.constant([text.encode() for text in HARD_TEXTS] + [b"\xff"])
    tf.io.write_file(str(tmp_path / "texts"), tf.io.serialize_tensor(texts))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", FRESH_PROCESS], cwd=tmp_path, env=environment, check=True, timeout=300)
    expected = module.echo(texts)
    for name, dtype in (("text", tf.string), ("token_ids", tf.int32)):
        answer = tf.io.parse_tensor(tf.io.read_file(str(tmp_path / name)), dtype)
        assert answer.numpy().tolist() == expected[name].numpy().tolist()
    assert texts_of(expected["text"]) == [*HARD_TEXTS, "\ufffd"]


def test_graph_has_one_foreign_operation_and_nothing_that_can_grow(tokenizer):
    module = TextModule(tokenizer)
    graph = module.echo.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    operations = {node.op for node in nodes}
    assert {name for name in operations if "entencepiece" in name} == {"SentencepieceTokenizeOp"}
    growing = ("Table", "Variable", "Queue", "Stack", "TensorList", "PyFunc")
    assert not [name for name in operations if any(word in name for word in growing)]


# Models trained elsewhere, compared with the sentencepiece package on natural, odd and random input.
VOCABULARIES = Path(os.environ.get("ZOO_DATA_DIR", "/nonexistent")) / "vocabs"


@pytest.mark.published
@pytest.mark.parametrize(
    ("name", "special_ids"),
    [
        ("t5_spiece/spiece.model", (0, None, 1, 2)),
        ("sp_fixtures/google_sentencepiece_test_model.model", (None, 1, 2, 0)),
        ("sp_fixtures/google_sentencepiece_test_ja_model.model", (None, 1, 2, 0)),
    ],
)
def test_existing_model_files(name, special_ids, tmp_path):
    path = VOCABULARIES / name
    if not path.exists():
        pytest.skip("needs this file under ZOO_DATA_DIR/vocabs")
    tokenizer = SentencePieceTokenizer.from_model_file(path)
    reference = sentencepiece.SentencePieceProcessor(model_file=str(path))
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id) == special_ids
    assert not tokenizer.escaped
    texts = [text for text in HARD_TEXTS if "▁" not in text] + ["A man rides a horse.", "Ａ① 日本語です。"]
    token_ids = tokenizer.encode(texts).to_list()
    assert token_ids == reference.encode(texts)
    assert texts_of(tokenizer.decode(token_ids)) == reference.decode(token_ids)
    generator = random.Random(5)
    rows = [[generator.randrange(tokenizer.vocabulary_size) for _ in range(8)] for _ in range(2000)]
    assert texts_of(tokenizer.decode(rows)) == reference.decode(rows)
    for size in (0, 10, 1000, path.stat().st_size - 5):
        cut = tmp_path / "cut.model"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(UserError, match=r"cut\.model.*truncated"):
            SentencePieceTokenizer.from_model_file(cut)


@pytest.mark.parametrize("normalization", ["nfkc", "nmt_nfkc"])
@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_normalising_models_agree_with_the_reference(corpus, normalization, model_type):
    tokenizer = SentencePieceTokenizer.train(corpus, 420, model_type, normalization=normalization)
    reference = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    token_ids = tokenizer.encode(HARD_TEXTS).to_list()
    assert token_ids == reference.encode(HARD_TEXTS)
    assert texts_of(tokenizer.decode(token_ids)) == reference.decode(token_ids)
    assert round_trip(tokenizer, ["  Ａ  ① "]) == ["A 1"]


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_lowercase_keeps_all_but_the_case_of_letters(corpus, model_type):
    tokenizer = SentencePieceTokenizer.train(corpus, 420, model_type, normalization="lowercase")
    reference = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    generator = random.Random(13)
    texts = ["Straße ÄÖÜ ẞ İ Σ Ǆ Ⅷ 𐐀 <S>", *HARD_TEXTS, *(random_text(generator) for _ in range(2000))]
    # Letter by letter: the ß stays, which folding would not let it, and no Σ is a final one.
    assert round_trip(tokenizer, texts) == ["".join(letter.lower() for letter in text) for text in texts]
    assert tokenizer.encode(texts).to_list() == reference.encode([escape_text(text) for text in texts])
    cased = [piece for piece in tokenizer.id_to_token(range(4, 420)) if piece != piece.lower()]
    assert all(piece.startswith("<0x") for piece in cased)


def test_without_byte_fallback_new_characters_are_unknown_and_escapes_still_work(corpus):
    tokenizer = SentencePieceTokenizer.train(corpus, 200, byte_fallback=False)
    assert round_trip(tokenizer, ["a\tb 語 ▁"]) == ["a\tb  ⁇  ▁"]
    assert tokenizer.unk_id in tokenizer.encode(["語"]).to_list()[0]
