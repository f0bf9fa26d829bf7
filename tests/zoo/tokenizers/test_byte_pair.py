import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from byte_pair_reference import broken_texts, odd_texts
from hypothesis import given, settings
from hypothesis import strategies as st

from export.op_allow_list import KNOWN_SERVERS, ops_used, servers_with
from zoo import tokenizers
from zoo.errors import UserError
from zoo.tokenizers import AddedToken, BytePairTokenizer, TokenizedText, clean_text
from zoo.tokenizers.byte_pair.alphabet import ALPHABET

SPECIAL = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
# The order of RoBERTa's: special tokens at both ends, and entries that no merge makes.
VOCABULARY = [*SPECIAL, *ALPHABET, "Ġl", "Ġlo", "Ġlow", "er", "ow", "ðŁ", "madeupword0000", "<mask>"]
MERGES = [("Ġ", "l"), ("Ġl", "o"), ("Ġlo", "w"), ("e", "r"), ("o", "w"), ("ð", "Ł")]
MASK = AddedToken("<mask>", len(VOCABULARY) - 1, lstrip=True, control=True)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def tokenizer():
    return BytePairTokenizer(VOCABULARY, MERGES)


@pytest.fixture(scope="module")
def masking():
    return BytePairTokenizer(
        VOCABULARY, MERGES, special_tokens_in_text=["<mask>", "</s>"], added_tokens=[MASK], add_prefix_space=True
    )


def test_special_ids(tokenizer):
    assert (tokenizer.bos_id, tokenizer.pad_id, tokenizer.eos_id, tokenizer.unk_id) == (0, 1, 2, 3)
    assert (tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (0, 2, len(VOCABULARY) - 1)
    assert tokenizer.special_tokens == {**SPECIAL, "<mask>": len(VOCABULARY) - 1}
    assert tokenizer.vocabulary_size == len(VOCABULARY) and tokenizer.vocabulary == tuple(VOCABULARY)


def test_special_ids_of_gpt2():
    """There is one special token for everything, so that padding is the end of the text."""
    tokenizer = BytePairTokenizer([*ALPHABET, "<|endoftext|>"], [])
    ids = tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id, tokenizer.unk_id, tokenizer.mask_id
    assert ids == (256, 256, 256, None, None)
    none = BytePairTokenizer([*ALPHABET, "<|endoftext|>"], [], special_tokens=[])
    assert none.special_tokens == {} and none.eos_id is none.pad_id is none.bos_id is None
    assert none.decode([[256]]).numpy().tolist() == [b"<|endoftext|>"]


def test_roles_of_other_spellings():
    special = {"<|end|>": 256, "<|fill|>": 257}
    tokenizer = BytePairTokenizer(ALPHABET, [], special, roles={"eos": "<|end|>", "pad": "<|fill|>"})
    assert (tokenizer.eos_id, tokenizer.pad_id, tokenizer.bos_id) == (256, 257, None)
    assert tokenizer.vocabulary[256:] == ("<|end|>", "<|fill|>") and tokenizer.vocabulary_size == 258


def test_tokens_with_offsets(tokenizer):
    texts = [" lower blow", "", "a  low😀 é"]
    tokens = tokenizer.tokenize_with_offsets(texts)
    assert isinstance(tokens, TokenizedText)
    assert all(part.dtype == tf.int32 for part in tokens)
    assert [tokenizer.id_to_token(row) for row in tokens.token_ids.to_list()] == [
        ["Ġlow", "er", "Ġ", "b", "l", "ow"],
        [],
        ["a", "Ġ", "Ġlow", "ðŁ", "ĺ", "Ģ", "Ġ", "Ã", "©"],
    ]
    assert tokens.word_ids.to_list() == [[0, 0, 1, 1, 1, 1], [], [0, 1, 2, 3, 3, 3, 4, 4, 4]]
    assert tokens.starts.to_list() == [[0, 4, 6, 7, 8, 9], [], [0, 1, 2, 6, 8, 9, 10, 11, 12]]
    assert tokens.ends.to_list() == [[4, 6, 7, 8, 9, 11], [], [1, 2, 6, 8, 9, 10, 11, 12, 13]]
    assert tokenizer.encode(texts).to_list() == tokens.token_ids.to_list()
    assert tokenizer.encode(texts).dtype == tf.int32


def test_offsets_are_those_of_the_tokens_bytes(tokenizer):
    texts = [*odd_texts(1500, seed=3), *broken_texts(500, seed=3)]
    tokens, cleaned = tokenizer.tokenize_with_offsets(texts), clean_text(texts).numpy()
    places = zip(cleaned, *(part.to_list() for part in tokens), strict=True)
    for text, ids, word_ids, starts, ends in places:
        assert [text[start:end] for start, end in zip(starts, ends, strict=True)] == [
            tokenizer.token_bytes[token_id] for token_id in ids
        ]
        assert starts == [0, *ends][: len(starts)] and [0, *ends][-1] == len(text)
        assert sorted(set(word_ids)) == list(range(len(set(word_ids))))


def test_offsets_with_special_tokens_and_added_blanks(masking):
    text = "a \n<mask>low</s></s> low"
    tokens = masking.tokenize_with_offsets([text])
    assert masking.id_to_token(tokens.token_ids.to_list()[0]) == ["Ġ", "a", "<mask>", "Ġlow", "</s>", "</s>", "Ġlow"]
    spans = [text[start:end] for start, end in zip(tokens.starts.to_list()[0], tokens.ends.to_list()[0], strict=True)]
    assert spans == ["", "a", " \n<mask>", "low", "</s>", "</s>", " low"]
    assert tokens.word_ids.to_list() == [[0, 0, 1, 2, 3, 4, 5]]


def test_text_never_yields_a_special_token_unless_asked(tokenizer, masking):
    texts = ["<s></s><pad>", "<mask>", "madeupword0000", "low <unk>"]
    special = set(tokenizer.special_tokens.values())
    assert not special & set(tokenizer.encode(texts).flat_values.numpy().tolist())
    assert tokenizer.token_to_id("madeupword0000") not in tokenizer.encode(texts).flat_values.numpy()
    assert special & set(masking.encode(texts).flat_values.numpy().tolist()) == {2, masking.mask_id}
    again = masking.reading_from_text(["<pad>"])
    assert special & set(again.encode(texts).flat_values.numpy().tolist()) == {1}
    assert again.add_prefix_space and again.added_tokens == (MASK,)


def test_what_stands_for_boundaries_and_special_tokens_is_not_read_from_text(masking):
    texts = [bytes([byte]) for byte in range(0x80, 0x100)] + [b"\xff\xf5\xff", b"low\xf5", b"\xf6</s>"]
    cleaned = clean_text(texts)
    assert set(cleaned.numpy()[:128]) == {"\ufffd".encode()}
    assert masking.encode(texts).to_list() == masking.encode(cleaned).to_list()
    assert masking.mask_id not in masking.encode(texts).flat_values.numpy()


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(st.one_of(ANY_TEXT, st.text(" \n\tlower's1\x00😀é<>")), min_size=1, max_size=12))
def test_any_text_comes_back(tokenizer, texts):
    decoded = tokenizer.decode(tokenizer.encode(texts))
    assert [text.decode() for text in decoded.numpy()] == texts


def test_odd_texts_come_back(tokenizer):
    texts = odd_texts(3000, seed=1)
    decoded = tokenizer.decode(tokenizer.encode(texts))
    assert [text.decode() for text in decoded.numpy()] == texts


def test_lone_surrogates_are_read_as_the_replacement_character(tokenizer):
    decoded = tokenizer.decode(tokenizer.encode(["lone \ud800 surrogate"])).numpy()[0].decode()
    assert decoded.replace("\ufffd", "") == "lone  surrogate" and "\ufffd" in decoded


def test_decode_leaves_special_tokens_out(tokenizer):
    row = tokenizer.encode([" lower"]).to_list()[0]
    rows = [[0, *row, 2, 1, 1], [1, row[0], 3, tokenizer.mask_id, *row[1:], 2], [], [2]]
    expected = [b" lower", b" lower", b"", b""]
    assert tokenizer.decode(rows).numpy().tolist() == expected
    dense = tf.ragged.constant(rows, tf.int64).to_tensor(tokenizer.pad_id)
    assert tokenizer.decode(dense).numpy().tolist() == expected
    assert tokenizer.decode(tf.ragged.constant(rows, tf.int32)).numpy().tolist() == expected


def test_decode_of_half_a_character_is_valid(tokenizer):
    ids = tokenizer.encode(["é😀"]).to_list()[0]
    decoded = [text.decode() for text in tokenizer.decode([[token_id] for token_id in ids]).numpy()]
    assert decoded == ["\ufffd"] * len(ids)
    assert tokenizer.decode([ids[:-1], ids[1:]]).numpy()[0].decode() == "é\ufffd"


def test_token_bytes(tokenizer):
    assert tokenizer.token_bytes[:5] == (b"", b"", b"", b"", b"\x00")
    assert b"".join(tokenizer.token_bytes[4:260]) == bytes(range(256))
    assert tokenizer.token_bytes[-3:] == (b"\xf0\x9f", b"madeupword0000", b"")
    ids = tokenizer.encode([" lower é"]).to_list()[0]
    assert b"".join(tokenizer.token_bytes[token_id] for token_id in ids) == " lower é".encode()


@pytest.mark.parametrize("wrong_id", [-1, len(VOCABULARY), 2**31 - 1])
def test_ids_outside_the_vocabulary(tokenizer, wrong_id):
    for decode in (tokenizer.decode, tf.function(tokenizer.decode)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"= {wrong_id} is not in"):
            decode(tf.constant([[5, wrong_id]]))
    with pytest.raises(IndexError, match=f"{wrong_id} is outside"):
        tokenizer.id_to_token([wrong_id])


def test_tokens_and_ids(tokenizer):
    every = list(range(len(VOCABULARY)))
    assert [tokenizer.token_to_id(token) for token in tokenizer.id_to_token(every)] == every
    with pytest.raises(KeyError, match="nothing"):
        tokenizer.token_to_id("nothing")


def test_rows_do_not_depend_on_their_neighbours(tokenizer, masking):
    texts = ["lower", "", " ", "'s", "  ", "<mask>", "low", "\x00", "é"]
    for each in (tokenizer, masking):
        together = each.tokenize_with_offsets(texts)
        for index, text in enumerate(texts):
            for part, alone in zip(together, each.tokenize_with_offsets([text]), strict=True):
                assert part[index].numpy().tolist() == alone[0].numpy().tolist()
        assert each.encode([]).shape[0] == 0
        assert each.tokenize_with_offsets(tf.constant(["", ""])).starts.to_list() == [[], []]
        assert each.tokenize_with_offsets(tf.constant([], tf.string)).starts.to_list() == []


@pytest.mark.parametrize("part", ["a", " ", "low ", "漢", "😀\x00"])
def test_a_million_bytes(tokenizer, part):
    text = part.encode() * (1_000_000 // len(part.encode()))
    ids = tokenizer.encode([text, "a"])
    assert tokenizer.decode(ids).numpy().tolist() == [text, b"a"]


def test_save_and_load(tmp_path):
    options = dict(
        add_prefix_space=True,
        special_tokens_in_text=("<mask>", "<é>"),
        added_tokens=(MASK,),
        roles={"pad": "<é>"},
    )
    special = {**SPECIAL, "<mask>": len(VOCABULARY) - 1, "<é>": len(VOCABULARY)}
    tokenizer = BytePairTokenizer(VOCABULARY, MERGES, special, **options)
    tokenizer.save(tmp_path / "tokenizer")
    texts = ["low lower", "a <mask><é>low", "\x00é"]
    for loaded in (tokenizers.load(tmp_path / "tokenizer"), BytePairTokenizer.load(tmp_path / "tokenizer")):
        assert type(loaded) is BytePairTokenizer
        assert loaded.vocabulary == tokenizer.vocabulary and loaded.merges == tokenizer.merges == tuple(MERGES)
        assert loaded.special_tokens == special and loaded.pad_id == len(VOCABULARY)
        for name, value in options.items():
            assert getattr(loaded, name) == value
        assert loaded.encode(texts).to_list() == tokenizer.encode(texts).to_list()
    names = sorted(path.name for path in (tmp_path / "tokenizer").iterdir())
    assert names == ["merges.txt", "tokenizer.json", "vocab.json"]
    from_files = BytePairTokenizer.from_files(tmp_path / "tokenizer" / names[2], tmp_path / "tokenizer" / names[0])
    # A special token of a spelling of one's own is an ordinary entry there, which must spell bytes.
    assert from_files.special_tokens == {token: special[token] for token in special if token != "<é>"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"options": {', '"choices": {'),
        ('"add_prefix_space": false', '"add_prefix_space": "yes"'),
        ('"roles": {}', '"roles": {"end": "</s>"}'),
        ('"roles": {},', ""),
        ('"special_tokens_in_text": []', '"special_tokens_in_text": ["<none>"]'),
        ('"added_tokens": []', '"added_tokens": 3'),
        ('"added_tokens": []', '"added_tokens": [{"content": "<mask>"}]'),
        ('"added_tokens": []', '"added_tokens": [{"content": "<mask>", "id": 267, "lstrip": 1}]'),
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


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_altered_files_are_named(tokenizer, tmp_path, name):
    tokenizer.save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-9])
    with pytest.raises(UserError, match=rf"{name} is truncated or was altered"):
        tokenizers.load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(add_prefix_space=1), "add_prefix_space is 1"),
        (dict(special_tokens_in_text="<mask>"), "use a list of tokens"),
        (dict(special_tokens_in_text=["low"]), "'low', which is none of the special tokens: <s>, <pad>"),
        (dict(added_tokens=[AddedToken("<new>", 270)]), "'<new>' has id 270 where 268 is next"),
        (dict(added_tokens=[AddedToken("<s>", 268)]), "'<s>' has id 268, but 0 in the vocabulary"),
        (dict(added_tokens=[MASK, MASK]), "'<mask>' is there twice"),
        (dict(added_tokens=["<new>"]), "'<new>' is no AddedToken"),
        (dict(roles={"end": "<s>"}), "with some of bos, eos, pad, unk, mask"),
        (dict(roles={"eos": "low"}), "roles holds 'low'"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(UserError, match=message):
        BytePairTokenizer(VOCABULARY, MERGES, **options)


def test_many_added_tokens():
    added = [AddedToken(f"<{index}>", 256 + index, special=index % 2 == 0) for index in range(1000)]
    tokenizer = BytePairTokenizer(ALPHABET, [], [], added_tokens=added)
    assert tokenizer.encode(["".join(token.content for token in added)]).to_list() == [list(range(256, 1256))]
    characters = [ALPHABET.index(character) for character in "<1000>"]
    assert tokenizer.encode(["<1000><10>"]).to_list() == [[*characters, 266]]
    # Special ones are left out.
    assert tokenizer.decode([[256, 257, 258, 259]]).numpy().tolist() == [b"<1><3>"]


def test_one_text_in_place_of_a_list(tokenizer):
    with pytest.raises(UserError, match="put it in a list"):
        tokenizer.encode("a text")


def test_setting_a_seed_leaves_tokenizers_alive(tokenizer):
    expected = tokenizer.encode(["slower"]).to_list()
    traced = tf.function(lambda texts: tokenizer.encode(texts).values)
    assert traced(tf.constant(["slower"])).numpy().tolist() == expected[0]
    tf.random.set_seed(3)
    keras.utils.set_random_seed(4)
    assert tokenizer.encode(["slower"]).to_list() == expected
    assert traced(tf.constant(["slower"])).numpy().tolist() == expected[0]


def test_tokenizer_made_inside_a_function_outlives_its_trace():
    made = []

    @tf.function
    def first(texts):
        made.append(BytePairTokenizer(VOCABULARY, MERGES))
        return made[0].encode(texts).values

    assert first(tf.constant(["slow"])).numpy().tolist() == made[0].encode(["slow"]).to_list()[0]


class Served(tf.Module):
    """What a model's graph holds: all that a tokenizer can do."""

    def __init__(self, tokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def serve(self, texts):
        tokens = self.tokenizer.tokenize_with_offsets(texts)
        values = dict(zip(tokens._fields, (part.flat_values for part in tokens), strict=True))
        decoded = self.tokenizer.decode(self.tokenizer.encode(texts))
        return {**values, "lengths": tokens.token_ids.row_lengths(), "text": decoded}


def test_all_the_work_is_for_the_cpu_and_nothing_can_grow(masking):
    """A server with a GPU would copy between it and the strings' memory for every operation."""
    served = Served(masking)
    graph = served.serve.get_concrete_function().graph
    definition = graph.as_graph_def()
    functions = {function.signature.name: function.node_def for function in definition.library.function}
    branching = [node for node in definition.node if node.op in ("If", "StatelessIf")]
    branches = [node.attr[name].func.name for node in branching for name in ("then_branch", "else_branch")]
    # Encoding and telling offsets have two ways each.
    assert len(branches) >= 4
    placed = [*definition.node, *(node for name in branches for node in functions[name])]
    assert len(placed) > 300
    # What comes in and goes out, and the shapes of ragged tensors.
    elsewhere = {node.op for node in placed if "CPU:0" not in node.device}
    assert elsewhere <= {"Placeholder", "Identity", "Const", "NoOp", "StridedSlice", "Sub", "Pack"}
    nodes = [*definition.node, *(node for function in functions.values() for node in function)]
    used = {node.op for node in nodes}
    assert {name for name in used if "entencepiece" in name} == {"SentencepieceTokenizeOp"}
    # The table is given from outside and only looked up.
    assert {name for name in used if "Table" in name} == {"LookupTableFindV2"}
    growing = ("Variable", "Queue", "Stack", "TensorList", "TensorArray", "PyFunc", "Insert", "Import", "While")
    assert not [name for name in used if any(word in name for word in growing)]
    assert not graph.variables


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory's size from /proc")
def test_memory_does_not_grow_with_new_texts(tokenizer):
    generator = random.Random(4)
    served = Served(tokenizer)
    sizes = []
    for _ in range(300):
        words = ["".join(generator.choices("lower's é1😀", k=9)) for _ in range(640)]
        served.serve(tf.constant([" ".join(words[index : index + 10]) for index in range(0, 640, 10)]))
        sizes.append(resident_bytes())
    # A table that kept the 160,000 new words of 250 batches, their tokens too, would need more.
    assert sizes[-1] - sizes[50] < 4_000_000


FRESH_PROCESS = """
import sys, numpy
import tensorflow as tf
import tensorflow_text
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
texts = tf.constant(numpy.load(sys.argv[1] + "/texts.npy", allow_pickle=True).tolist())
assert not {"zoo", "sentencepiece", "tokenizers"} & set(sys.modules)
numpy.savez(sys.argv[1] + "/answer.npz", **{name: value.numpy() for name, value in serve(texts).items()})
"""


def test_saved_model_in_a_process_with_nothing_but_tensorflow(tmp_path, corpus):
    trained = BytePairTokenizer.train(corpus, 900, ("<s>", "</s>", "<mask>"))
    trained = BytePairTokenizer(
        trained.vocabulary,
        trained.merges,
        add_prefix_space=True,
        special_tokens_in_text=["<mask>"],
        added_tokens=[replace(MASK, id=trained.vocabulary.index("<mask>"))],
    )
    trained.save(tmp_path / "tokenizer")
    served = Served(tokenizers.load(tmp_path / "tokenizer"))
    tf.saved_model.save(served, str(tmp_path / "made"), signatures=served.serve)
    directory = (tmp_path / "made").rename(tmp_path / "moved")
    for op in ops_used(directory):
        assert servers_with(op) == KNOWN_SERVERS, op
    texts = [text.encode() for text in [*odd_texts(200, seed=7), *corpus[:50], "a <mask> horse", "<mask><mask>"]]
    texts += broken_texts(50, seed=7)
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
        assert answer["token_ids"].tolist() == trained.encode(texts).flat_values.numpy().tolist()
        assert len(answer["token_ids"]) > 2000


def test_config_holds_plain_values(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    config = json.loads((tmp_path / "tokenizer.json").read_text())
    assert config["class"] == "BytePairTokenizer" and config["vocabulary_size"] == len(VOCABULARY)
    assert config["options"]["special_tokens"] == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
