"""Byte-pair tokenizers of Hugging Face directories: ids of transformers, both ways, and what is refused."""

import json

import pytest
import transformers
from byte_pair_reference import odd_texts
from tiny_byte_pair import MASK, gpt2_tokenizer, roberta_tokenizer, write_tokenizer

from zoo.checkpoints.hugging_face import load_tokenizer, max_text_length, read_byte_pair, tokenizer_files
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer

# transformers reads special tokens from text.
TEXTS = [text for text in odd_texts(300, 4) if "<|" not in text and "<s" not in text]
MAKERS = {"gpt2": gpt2_tokenizer, "roberta": roberta_tokenizer}
PLAIN = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}


def assert_same(found, expected):
    for name in ("vocabulary", "merges", "special_tokens", "roles", "add_prefix_space", "added_tokens"):
        assert getattr(found, name) == getattr(expected, name), name
    for name in ("bos_id", "eos_id", "pad_id", "unk_id", "mask_id"):
        assert getattr(found, name) == getattr(expected, name), name


@pytest.mark.parametrize("form", ["vocab.json", "tokenizer.json"])
@pytest.mark.parametrize("add_prefix_space", [False, True])
@pytest.mark.parametrize("kind", MAKERS)
def test_out_and_in(tmp_path, kind, add_prefix_space, form):
    """transformers gives the ids of the zoo from what was written, and the zoo reads what transformers writes."""
    tokenizer = MAKERS[kind](add_prefix_space=add_prefix_space)
    theirs = write_tokenizer(tmp_path, tokenizer, kind, form)
    assert type(theirs).__name__ == {"gpt2": "GPT2Tokenizer", "roberta": "RobertaTokenizer"}[kind]
    assert len(theirs) == tokenizer.vocabulary_size
    ours = tokenizer.encode(TEXTS).to_list()
    ends = ([tokenizer.bos_id], [tokenizer.eos_id]) if kind == "roberta" else ([], [])
    assert theirs(TEXTS)["input_ids"] == [[*ends[0], *ids, *ends[1]] for ids in ours]
    assert theirs.batch_decode(ours) == [text.decode() for text in tokenizer.decode(ours).numpy()]
    found = load_tokenizer(tmp_path)
    assert_same(found, tokenizer)
    assert found.encode(TEXTS).to_list() == ours
    assert read_byte_pair(tmp_path).around == ("both" if kind == "roberta" else "none")
    fast = getattr(transformers, {"gpt2": "GPT2TokenizerFast", "roberta": "RobertaTokenizerFast"}[kind])
    assert fast.from_pretrained(tmp_path)(TEXTS[:20])["input_ids"] == theirs(TEXTS[:20])["input_ids"]


@pytest.mark.parametrize("form", ["vocab.json", "tokenizer.json"])
def test_masks_in_text(tmp_path, form):
    texts = [f"the {MASK} fox", f"{MASK}{MASK}  {MASK}", f"slow{MASK}\n {MASK}."]
    theirs = write_tokenizer(tmp_path, roberta_tokenizer(), "roberta", form)
    found = load_tokenizer(tmp_path, special_tokens_in_text=[MASK]).encode(texts).to_list()
    assert [[0, *ids, 2] for ids in found] == theirs(texts)["input_ids"]
    assert sum(ids.count(theirs.mask_token_id) for ids in found) == 6


@pytest.mark.parametrize("form", ["vocab.json", "tokenizer.json"])
def test_a_token_before_every_text(tmp_path, form):
    tokenizer = gpt2_tokenizer()
    theirs = write_tokenizer(tmp_path, tokenizer, "gpt2", form, around="begin")
    assert theirs(TEXTS[:9])["input_ids"] == [[0, *ids] for ids in tokenizer.encode(TEXTS[:9]).to_list()]
    assert read_byte_pair(tmp_path).around == "begin"


def test_one_token_for_both_ends(tmp_path):
    """As a classifier over a vocabulary of GPT-2's kind."""
    tokenizer = gpt2_tokenizer()
    theirs = write_tokenizer(tmp_path, tokenizer, "bert", around="both")
    assert theirs(TEXTS[:9])["input_ids"] == [[0, *ids, 0] for ids in tokenizer.encode(TEXTS[:9]).to_list()]
    assert read_byte_pair(tmp_path).around == "both"
    assert_same(load_tokenizer(tmp_path), tokenizer)


def test_tokens_of_other_spellings(tmp_path):
    trained = BytePairTokenizer.train(["low lower lowest"] * 9, 264, ["[END]", "[PAD]"])
    tokenizer = BytePairTokenizer(
        trained.vocabulary, trained.merges, ["[END]", "[PAD]"], roles={"bos": "[END]", "eos": "[END]", "pad": "[PAD]"}
    )
    for form in ("vocab.json", "tokenizer.json"):
        theirs = write_tokenizer(tmp_path / form, tokenizer, "gpt2", form)
        assert (theirs.eos_token_id, theirs.pad_token_id, len(theirs)) == (0, 1, 264)
        assert_same(load_tokenizer(tmp_path / form), tokenizer)


def bare(directory, kind):
    """vocab.json and merges.txt alone."""
    write_tokenizer(directory, MAKERS[kind](), kind)
    (directory / "tokenizer_config.json").unlink()
    return directory


@pytest.mark.parametrize("kind", MAKERS)
def test_files_that_say_little(tmp_path, kind):
    """As GPT-2 and RoBERTa were published: no names of tokens, and no class."""
    bare(tmp_path, kind)
    assert_same(read_byte_pair(tmp_path).tokenizer, MAKERS[kind]())
    assert read_byte_pair(tmp_path).around == ("both" if kind == "roberta" else "none")
    (tmp_path / "config.json").unlink()
    assert read_byte_pair(tmp_path).around is None
    names = {"mask_token": {"content": MASK, **PLAIN, "lstrip": True}, "eos_token": {"content": "</s>", **PLAIN}}
    if kind == "roberta":
        (tmp_path / "special_tokens_map.json").write_text(json.dumps(names))
        assert_same(load_tokenizer(tmp_path), roberta_tokenizer())


def test_added_tokens(tmp_path):
    """Numbers beyond the vocabulary file, from each of the files that may hold them."""
    bare(tmp_path, "gpt2")
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"pad_token": "[PAD]"}))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"[PAD]": 300}))
    found = load_tokenizer(tmp_path)
    assert (found.pad_id, found.vocabulary_size) == (300, 301)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (theirs.pad_token_id, len(theirs)) == (300, 301)
    theirs.save_pretrained(tmp_path / "again")
    assert_same(load_tokenizer(tmp_path / "again"), found)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"[PAD]": 300, "[A]": 301}))
    assert [(token.content, token.special) for token in load_tokenizer(tmp_path).added_tokens][1:] == [("[A]", False)]
    names = {"pad_token": "[PAD]", "additional_special_tokens": ["[A]"]}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(names))
    found = load_tokenizer(tmp_path)
    assert found.special_tokens == {"<|endoftext|>": 0, "[PAD]": 300}
    assert [(token.content, token.special) for token in found.added_tokens][1:] == [("[A]", True)]


def refuse(directory, *words):
    with pytest.raises(UserError) as caught:
        load_tokenizer(directory)
    assert "\n" not in str(caught.value) and str(directory) in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"tokenizer_class": "CLIPTokenizer"}, "tokenizer_class 'CLIPTokenizer' is not supported"),
        ({"errors": "strict"}, "errors 'strict' is not supported"),
        ({"do_lower_case": True}, "do_lower_case True is not supported"),
        ({"eos_token": "<end>"}, "eos_token '<end>' is not in the vocabulary"),
        ({"add_eos_token": True}, "[] before and ['<|endoftext|>'] after a text are not supported"),
        ({"eos_token": 7}, "special token 7 is damaged"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_that_are_refused(tmp_path, config, words):
    bare(tmp_path, "gpt2")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    refuse(tmp_path, words)


def test_tokenizer_json_that_is_refused(tmp_path):
    write_tokenizer(tmp_path, roberta_tokenizer(), "roberta", "tokenizer.json")
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())

    def edited(**changes):
        path.write_text(json.dumps({**content, **changes}))

    edited(pre_tokenizer={**content["pre_tokenizer"], "add_prefix_space": True})
    refuse(tmp_path, "add_prefix_space True is not supported beside the False of tokenizer_config.json")
    edited(post_processor={**content["post_processor"], "cls": ["<pad>", 1]})
    refuse(tmp_path, "['<pad>'] before and ['</s>'] after a text is not supported beside class RobertaTokenizer")
    edited(post_processor={**content["post_processor"], "sep": ["</s>", 3]})
    refuse(tmp_path, "post_processor give '</s>' the numbers [3] and the vocabulary gives it 2")
    edited(post_processor=None)
    refuse(tmp_path, "[] before and [] after a text is not supported beside class RobertaTokenizer")
    edited(post_processor={"type": "BertProcessing"})
    refuse(tmp_path, "post_processor 'BertProcessing' is not supported")
    edited(normalizer={"type": "Lowercase"})
    refuse(tmp_path, "normalizer Lowercase is not supported")
    edited(model={"type": "BPE"})
    refuse(tmp_path, "the model lacks vocab or merges")
    path.write_text("{")
    refuse(tmp_path, "is damaged")


def test_begin_tokens_beside_tokenizer_json(tmp_path):
    """transformers 5 goes by add_bos_token, other programs by the file: they must say the same."""
    write_tokenizer(tmp_path, gpt2_tokenizer(), "gpt2", "tokenizer.json", around="begin")
    assert read_byte_pair(tmp_path).around == "begin"
    path = tmp_path / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "add_bos_token": False}))
    refuse(tmp_path, "['<|endoftext|>'] before and [] after a text is not supported beside add_bos_token")
    path.write_text(json.dumps({key: value for key, value in config.items() if key != "add_bos_token"}))
    assert read_byte_pair(tmp_path).around == "begin"
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("low").input_ids == [0, *load_tokenizer(tmp_path).encode(["low"]).to_list()[0]]


def test_control_tokens_of_text(tmp_path):
    write_tokenizer(tmp_path, gpt2_tokenizer(), "gpt2")
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token": "low"}))
    refuse(tmp_path, "pad_token 'low' is not supported: texts hold this entry")


def test_texts_cut_at_the_left(tmp_path):
    write_tokenizer(tmp_path, roberta_tokenizer(), "roberta", "tokenizer.json")
    path = tmp_path / "tokenizer.json"
    cut = {"direction": "Left", "max_length": 6, "strategy": "LongestFirst", "stride": 0}
    path.write_text(json.dumps({**json.loads(path.read_text()), "truncation": cut}))
    with pytest.raises(UserError, match=r"tokenizer\.json: direction 'Left' of truncation is not supported"):
        max_text_length(tmp_path)


def test_tokenizers_that_cannot_be_written():
    tokenizer = BytePairTokenizer.train(["a"], 256, [])
    with pytest.raises(UserError, match="the tokenizer has no begin or end token"):
        tokenizer_files(tokenizer, around="both")
