"""Words, ids and texts of language models' pre-tokenisers equal to the `tokenizers` package's."""

import json
import random

import pytest
import tensorflow as tf
from byte_pair_reference import broken_texts, odd_texts, source_code
from language_model_reference import KINDS, fuzzed, made, reference, vocabulary_and_merges
from tokenizers import AddedToken, Tokenizer
from wordpiece_reference import OTHER_SCRIPTS

from export.op_allow_list import servers_with
from zoo import tokenizers as zoo_tokenizers
from zoo.checkpoints.hugging_face.byte_pair_tokenizer import byte_pair_files
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer, clean_text
from zoo.tokenizers.byte_pair.alphabet import ALPHABET


@pytest.fixture(scope="module")
def vocabulary():
    return vocabulary_and_merges()


def assert_same(kind, tokenizer, texts):
    expected = reference(kind, tokenizer)
    encoded = tokenizer.encode(texts)
    theirs = [encoding.ids for encoding in expected.encode_batch_fast(texts)]
    wrong = [(text, ours, ids) for text, ours, ids in zip(texts, encoded.to_list(), theirs, strict=True) if ours != ids]
    assert not wrong, f"{len(wrong)} of {len(texts)}, first {wrong[0]!r}"
    assert [text.decode() for text in tokenizer.decode(encoded).numpy()] == expected.decode_batch(theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_texts(kind, vocabulary):
    tokenizer = made(kind, vocabulary)
    lines = [text for file in source_code()[:8] for text in (file, *file.split("\n")[:60])]
    runs = [piece * 400 for piece in ("a", " ", "\n", " \n", "9", "!", "漢", "e\u0301", "'s", "aB", "\u0300")]
    broken = [text.decode() for text in clean_text(broken_texts(200, seed=3)).numpy()]
    texts = [
        *OTHER_SCRIPTS,
        *lines,
        *runs,
        *fuzzed(1800, seed=len(kind)),
        *odd_texts(700, seed=4),
        *broken,
        "",
        "horse horses",
    ]
    assert_same(kind, tokenizer, texts)


def in_context(points):
    """Each character beside letters, digits, blanks, line ends, apostrophes and itself."""
    texts = []
    for first in range(0, len(points), 64):
        characters = map(chr, points[first : first + 64])
        texts.append("".join(f"a{c} {c}B{c}{c}\n{c}7{c}'{c}" for c in characters))
    return texts


POINTS = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]


@pytest.mark.parametrize(("kind", "step"), [("smollm", 3), ("qwen3_5", 3), ("tekken", 31)])
def test_characters_in_context(kind, step, vocabulary):
    points = [*POINTS[:0x3400:step], *POINTS[0xA000 : 0x34000 : 19 * step], *POINTS[-9:]]
    assert_same(kind, made(kind, vocabulary), in_context(points))


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_every_character_in_context(kind, vocabulary):
    texts = in_context([*POINTS[:0x34000], *POINTS[0xE0000 - 0x800 : 0xE0200 - 0x800]])
    for first in range(0, len(texts), 256):
        assert_same(kind, made(kind, vocabulary), texts[first : first + 256])


def test_saved_with_its_pre_tokenizer(vocabulary, tmp_path):
    for kind in ("smollm", "llama3", "qwen2"):
        made(kind, vocabulary).save(tmp_path / kind)
        loaded = zoo_tokenizers.load(tmp_path / kind)
        assert (loaded.pre_tokenizer, loaded.normalization, loaded.ignore_merges) == KINDS[kind]
        assert_same(kind, loaded.reading_from_text(()), fuzzed(100, seed=3))
    # Earlier versions read tokenizers that are as they were.
    BytePairTokenizer(*vocabulary, ()).save(tmp_path / "gpt2")
    options = json.loads((tmp_path / "gpt2" / "tokenizer.json").read_text())["options"]
    assert set(options) == {"special_tokens", "roles", "add_prefix_space", "special_tokens_in_text", "added_tokens"}


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_json(kind, vocabulary, tmp_path):
    theirs = reference(kind, made(kind, vocabulary))
    theirs.add_special_tokens(["<|end|>"])
    theirs.add_tokens([AddedToken("Å<tag>", normalized=True, lstrip=True)])
    theirs.save(str(tmp_path / "tokenizer.json"))
    tokenizer = BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json", roles={"eos": "<|end|>"})
    assert (tokenizer.pre_tokenizer, tokenizer.normalization, tokenizer.ignore_merges) == KINDS[kind]
    pieces = ["<|end|>", "Å<tag>", "A\u030a<tag>", " ", "\n", "a1", "e\u0301", "!"]
    generator = random.Random(2)
    texts = ["".join(generator.choices(pieces, k=generator.randrange(8))) for _ in range(300)]
    expected = [encoding.ids for encoding in theirs.encode_batch(texts, add_special_tokens=False)]
    assert tokenizer.reading_from_text(["<|end|>"]).encode(texts).to_list() == expected
    assert [text.decode() for text in tokenizer.decode(expected).numpy()] == theirs.decode_batch(expected)
    assert tokenizer.eos_id not in tokenizer.encode(texts).flat_values.numpy()


def test_missing_bytes_are_dropped(vocabulary, tmp_path):
    """As of SmolLM2's vocabulary, which lacks some control characters and lead bytes of unused planes."""
    missing = {*b"\x04\x1d\x00~", 0xC0, 0xF1, 0xF2, 0xFF}
    gone = {ALPHABET[byte] for byte in missing}
    entries = [token for token in vocabulary[0] if not set(token) & gone]
    merges = [pair for pair in vocabulary[1] if not set("".join(pair)) & gone]
    with pytest.raises(UserError, match="byte 0x00; all 256 must be there"):
        BytePairTokenizer(entries, merges, ())
    plain = BytePairTokenizer(entries, merges, (), pre_tokenizer=["digits", "gpt2"], drop_missing_bytes=True)
    reference("smollm", plain).save(str(tmp_path / "tokenizer.json"))
    tokenizer = BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json")
    assert tokenizer.drop_missing_bytes
    generator = random.Random(5)
    pieces = ["t", "h", "e", " ", "the", "\x04", "\x1d", "\x00", "~", "\U00050000", "\U00090000", "7", "\n", "é"]
    texts = ["".join(generator.choices(pieces, k=generator.randrange(10))) for _ in range(1500)]
    assert_same("smollm", tokenizer, [*texts, *fuzzed(300, seed=9), *pieces])
    tokenizer.save(tmp_path / "saved")
    assert zoo_tokenizers.load(tmp_path / "saved").encode(["\x04a"]).to_list() == tokenizer.encode(["a"]).to_list()
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    content["model"]["unk_token"] = "the"
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="unk_token 'the' of model is not supported with a vocabulary that lacks"):
        BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json")


def test_decode_stream(vocabulary):
    tokenizer = made("llama3", vocabulary)
    generator = random.Random(7)
    rows = [[generator.randrange(len(vocabulary[0])) for _ in range(generator.randrange(9))] for _ in range(2000)]
    rows += tokenizer.encode([*OTHER_SCRIPTS, "\U0001f600" * 3]).to_list()
    assert [["".join(tokenizer.decode_stream(row))] for row in rows] == [
        [text.decode()] for text in tokenizer.decode(rows).numpy()
    ]
    assert list(tokenizer.decode_stream(tokenizer.encode(["\U00050000\U0001f600"]).to_list()[0])) == [
        "\U00050000",
        "\U0001f600",
    ]
    with pytest.raises(IndexError, match="token id -1 is outside"):
        list(tokenizer.decode_stream([-1]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pre_tokenizer": ["gpt5"]}, "pre_tokenizer holds 'gpt5'; known steps: gpt2, llama3"),
        ({"pre_tokenizer": ["digits"]}, r"pre_tokenizer is \['digits'\]; it needs one of"),
        ({"pre_tokenizer": ["llama3"], "add_prefix_space": True}, "add_prefix_space is not supported with"),
        ({"normalization": "NFD"}, "normalization is 'NFD'"),
        ({"ignore_merges": 1}, "ignore_merges is 1; use True or False"),
    ],
)
def test_impossible_options(options, message, vocabulary):
    with pytest.raises(UserError, match=message):
        BytePairTokenizer(*vocabulary, (), **options)


def test_tokens_of_composed_texts_have_every_byte(vocabulary):
    """Every token that has part of a composed letter has all of it, and bytes that no token has are refused."""
    texts = ["Cafe\u0301 is open", "\u212b e\u0323\u0302", "plain", ""]
    found = made("qwen2", vocabulary).tokenize_with_offsets(texts)
    assert found.token_ids.to_list() == made("qwen2", vocabulary).encode(texts).to_list()
    for text, starts, ends in zip(texts, found.starts.to_list(), found.ends.to_list(), strict=True):
        places = [range(start, end) for start, end in zip(starts, ends, strict=True)]
        assert {place for each in places for place in each} == set(range(len(text.encode())))
        assert starts == sorted(starts) and ends == sorted(ends)
    cafe = range(3, 6)
    assert any(
        set(cafe) <= set(range(*each)) for each in zip(found.starts[0].numpy(), found.ends[0].numpy(), strict=True)
    )
    dropping = BytePairTokenizer(*vocabulary, (), drop_missing_bytes=True)
    with pytest.raises(UserError, match="places of tokens in a text are not known with drop_missing_bytes=True"):
        dropping.tokenize_with_offsets(["a"])


def test_other_kinds_than_gpt2_go_into_tokenizer_json(vocabulary):
    """The package reads what is written as the tokenizer that wrote it."""
    texts = [*OTHER_SCRIPTS, *fuzzed(300, seed=7)]
    composed = BytePairTokenizer(*vocabulary, (), normalization="NFC")
    for tokenizer in (*(made(kind, vocabulary) for kind in KINDS), composed):
        files = byte_pair_files(tokenizer, "none")
        if "tokenizer.json" in files:
            theirs = Tokenizer.from_str(files["tokenizer.json"].decode())
            found = [each.ids for each in theirs.encode_batch(texts, add_special_tokens=False)]
            assert found == tokenizer.encode(texts).to_list()
    with pytest.raises(UserError, match=r"KerasHub's x split texts .* know no pre_tokenizer \['llama3'\]"):
        made("llama3", vocabulary).require_gpt2_kind("KerasHub's x")
    with pytest.raises(UserError, match="know no normalization 'NFC'"):
        composed.require_gpt2_kind("KerasHub's x")


def test_places_of_tokens(vocabulary):
    tokenizer = made("tekken", vocabulary)
    texts = [*OTHER_SCRIPTS, *fuzzed(300, seed=8)]
    tokens = tokenizer.tokenize_with_offsets(texts)
    whole = tf.repeat(texts, tokens.starts.row_lengths())
    lengths = tokens.ends.flat_values - tokens.starts.flat_values
    expected = tf.gather(tokenizer.token_bytes, tokens.token_ids.flat_values)
    assert (tf.strings.substr(whole, tokens.starts.flat_values, lengths) == expected).numpy().all()
    assert tokens.token_ids.to_list() == tokenizer.encode(texts).to_list()


def test_graphs_hold_nothing_that_servers_lack(vocabulary):
    for kind in ("smollm", "qwen2", "tekken"):
        tokenizer = made(kind, vocabulary)
        both = tf.function(lambda texts: tokenizer.decode(tokenizer.encode(texts)))  # noqa: B023
        graph = both.get_concrete_function(tf.TensorSpec([None], tf.string)).graph.as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        operations = {node.op for node in nodes} - {function.signature.name for function in graph.library.function}
        assert "SentencepieceTokenizeOp" in operations
        assert all("2.12" in servers_with(operation) for operation in operations)
