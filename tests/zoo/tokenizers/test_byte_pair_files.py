import json

import pytest
import tokenizers
from byte_pair_reference import odd_texts
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer
from zoo.tokenizers.byte_pair.alphabet import ALPHABET
from zoo.tokenizers.byte_pair.pre_tokenizers import REGULAR_EXPRESSIONS

VOCABULARY = ["<s>", "<pad>", "</s>", "<unk>", *ALPHABET, "Ġl", "Ġlo", "Ġlow", "er", "##", "<mask>"]
IDS = {token: token_id for token_id, token in enumerate(VOCABULARY)}
MERGES = [("#", "#"), ("Ġ", "l"), ("Ġl", "o"), ("Ġlo", "w"), ("e", "r")]
LLAMA3 = tokenizers.Regex(REGULAR_EXPRESSIONS["llama3"])


def write_files(directory, version="#version: 0.2\n", line_end="\n"):
    (directory / "encoder.json").write_text(json.dumps(IDS))
    lines = version + "".join(f"{left} {right}{line_end}" for left, right in MERGES)
    (directory / "vocab.bpe").write_bytes(lines.encode())
    return directory / "encoder.json", directory / "vocab.bpe"


@pytest.mark.parametrize("version", ["#version: 0.2\n", ""])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_of_a_release(tmp_path, version, line_end):
    tokenizer = BytePairTokenizer.from_files(*write_files(tmp_path, version, line_end), add_prefix_space=True)
    assert tokenizer.vocabulary == tuple(VOCABULARY) and tokenizer.merges == tuple(MERGES)
    assert (tokenizer.bos_id, tokenizer.pad_id, tokenizer.eos_id) == (0, 1, 2) and tokenizer.add_prefix_space
    only_one = BytePairTokenizer.from_files(*write_files(tmp_path), ["</s>"])
    assert only_one.special_tokens == {"</s>": 2}


def test_the_reference_reads_what_is_saved(tmp_path):
    BytePairTokenizer.from_files(*write_files(tmp_path)).save(tmp_path / "saved")
    model = models.BPE.from_file(str(tmp_path / "saved" / "vocab.json"), str(tmp_path / "saved" / "merges.txt"))
    theirs = tokenizers.Tokenizer(model)
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert theirs.get_vocab(with_added_tokens=False) == IDS
    assert theirs.encode("a lower ##").tokens == ["a", "Ġlow", "er", "Ġ", "##"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("encoder.json", None, "cannot be read: No such file"),
        ("encoder.json", b'{"a": 0, "b"', "is damaged"),
        ("encoder.json", b"\xff", "is damaged"),
        ("encoder.json", b'["a"]', "holds no JSON object"),
        ("encoder.json", b'{"a": 0, "a": 1}', "holds 'a' twice"),
        ("vocab.bpe", None, "cannot be read: No such file"),
        ("vocab.bpe", b"#version: 0.2\n# #\na\n", "line 3: not two entries"),
        ("vocab.bpe", b"# #\na b c\n", "line 2: not two entries"),
        ("vocab.bpe", b"# #\n\xc4 l\n", "line 2: not UTF-8"),
        ("vocab.bpe", b"# #\n\n", "line 2: not two entries"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    paths = write_files(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}.*{message}"):
        BytePairTokenizer.from_files(*paths)


def their_tokenizer(add_prefix_space):
    """As Hugging Face's files of RoBERTa and BART have it; special tokens come from outside as they are added."""
    theirs = tokenizers.Tokenizer(models.BPE(IDS, MERGES))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    theirs.decoder = decoders.ByteLevel()
    theirs.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), False, add_prefix_space)
    special = [AddedToken(token, normalized=False) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    theirs.add_special_tokens([*special, AddedToken("<mask>", lstrip=True), AddedToken("<|new|>")])
    return theirs


@pytest.mark.parametrize("add_prefix_space", [False, True])
@pytest.mark.parametrize("as_strings", [False, True])
def test_tokenizer_json(tmp_path, add_prefix_space, as_strings):
    theirs = their_tokenizer(add_prefix_space)
    content = json.loads(theirs.to_str())
    if as_strings:
        # How files of transformers 4 look.
        content["model"]["merges"] = [" ".join(merge) for merge in MERGES]
        del content["model"]["type"], content["model"]["ignore_merges"], content["pre_tokenizer"]["use_regex"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    special = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|new|>")
    tokenizer = BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json", special_tokens_in_text=special)
    assert tokenizer.add_prefix_space is add_prefix_space
    assert [token.content for token in tokenizer.added_tokens if token.lstrip] == ["<mask>"]
    assert tokenizer.special_tokens == {**{token: IDS[token] for token in special[:-1]}, "<|new|>": len(VOCABULARY)}
    assert tokenizer.vocabulary_size == len(VOCABULARY) + 1
    texts = [*odd_texts(600, seed=4), "a <mask> low</s>", "<mask>", " \n<mask> lower<|new|>low"]
    expected = [encoding.ids for encoding in theirs.encode_batch(texts, add_special_tokens=False)]
    assert tokenizer.encode(texts).to_list() == expected
    unread = BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json", roles={"eos": "<|new|>"})
    assert (unread.eos_id, unread.bos_id) == (len(VOCABULARY), 0)
    assert not set(unread.encode(texts).flat_values.numpy()) & set(unread.special_tokens.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("model"), 'no "model"'),
        (lambda content: content["model"].update(type="Unigram"), "model type 'Unigram' is not supported"),
        (lambda content: content["model"].update(dropout=0.1), "dropout 0.1 of model is not supported"),
        (lambda content: content["model"].update(byte_fallback=True), "byte_fallback True"),
        (lambda content: content["model"].update(ignore_merges=1.5), "ignore_merges 1.5"),
        (lambda content: content["model"].update(end_of_word_suffix="</w>"), "end_of_word_suffix '</w>'"),
        (lambda content: content["model"].update(continuing_subword_prefix="##"), "continuing_subword_prefix '##'"),
        (lambda content: content["model"].pop("merges"), "lacks vocab or merges"),
        (lambda content: content["model"]["merges"].append("a"), "merge 6 is"),
        (lambda content: content.update(pre_tokenizer=None), "pre_tokenizer None is not supported"),
        (lambda content: content["pre_tokenizer"].update(type="Metaspace"), "pre_tokenizer Metaspace"),
        (
            lambda content: content["pre_tokenizer"].update(use_regex=False),
            r"pre_tokenizer is \[\]; it needs one of gpt2",
        ),
        (lambda content: content.update(decoder={"type": "Metaspace"}), "decoder Metaspace"),
        (lambda content: content.update(normalizer={"type": "NFD"}), "normalizer NFD is not"),
        (lambda content: content["added_tokens"][1].update(content=3), "added_tokens is damaged"),
        (lambda content: content["added_tokens"][0].update(id=7), "'<s>' has id 7, but 0 in the vocabulary"),
    ],
)
def test_settings_that_are_not_supported_are_named(tmp_path, change, message):
    content = json.loads(their_tokenizer(False).to_str())
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"tokenizer\.json.*{message}"):
        BytePairTokenizer.from_tokenizer_json(path)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [pre_tokenizers.Split(tokenizers.Regex(r"\p{N}{1,3}|\p{L}+"), "isolated")],
            r"not supported: .p.N..1,3.[|].p.L.[+]$",
        ),
        ([pre_tokenizers.Split(" ", "isolated")], "Split in pre_tokenizer is not supported: {'String': ' '}"),
        ([pre_tokenizers.Split(LLAMA3, "merged_with_next")], "behavior 'MergedWithNext' with invert False"),
        ([pre_tokenizers.Split(LLAMA3, "isolated", invert=True)], "behavior 'Isolated' with invert True"),
        ([pre_tokenizers.Whitespace()], "pre_tokenizer Whitespace is not supported"),
        ([pre_tokenizers.ByteLevel()], "pre_tokenizer ByteLevel, ByteLevel is not supported"),
    ],
)
def test_other_pre_tokenizers_are_refused(tmp_path, steps, message):
    theirs = their_tokenizer(False)
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    theirs.pre_tokenizer = pre_tokenizers.Sequence([*steps, last])
    theirs.normalizer = normalizers.Sequence([])
    theirs.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match=f"tokenizer.json: .*{message}"):
        BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json")


def test_a_prefix_space_before_every_word_is_refused(tmp_path):
    theirs = their_tokenizer(False)
    theirs.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(True)])
    theirs.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match="add_prefix_space True of pre_tokenizer"):
        BytePairTokenizer.from_tokenizer_json(tmp_path / "tokenizer.json")
