"""Lower-casing, accents and Chinese characters follow the file that transformers follows.

The expected tokens are those of transformers 5.24, to which 4.57.1 is equal for every combination here.
"""

import json

import pytest
import tokenizers
import transformers

from zoo.checkpoints.hugging_face import load_tokenizer
from zoo.errors import UserError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS += ["Paris", "paris", "café", "cafe", "Cafe", "Café", "中", "国", "中国"]
TEXT = "Paris Café 中国"
CLASSES = [None, "BertTokenizer", "DistilBertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"]


def fast_tokenizer(lowercase=False, strip_accents=None, cjk=True):
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    found = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    found.normalizer = tokenizers.normalizers.BertNormalizer(True, cjk, strip_accents, lowercase)
    found.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    found.decoder = tokenizers.decoders.WordPiece()
    found.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    found.add_special_tokens(WORDS[:5])
    return found


def write(directory, fast=None, config=None, vocabulary=False):
    (directory / "config.json").write_text('{"model_type": "bert"}')
    if fast is not None:
        fast_tokenizer(**fast).save(str(directory / "tokenizer.json"))
    if vocabulary:
        (directory / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS), encoding="utf-8")
    if config is not None:
        (directory / "tokenizer_config.json").write_text(json.dumps(config))


COMBINATIONS = {
    "tokenizer.json alone": ({}, {}, False),
    "the configuration says lower case": ({}, {"do_lower_case": True}, True),
    "the configuration says cased": ({"lowercase": True}, {"do_lower_case": False}, True),
    "accents": ({}, {"do_lower_case": False, "strip_accents": True}, False),
    "accents that stay": ({"lowercase": True, "strip_accents": False}, {}, False),
    "characters of Chinese": ({"cjk": False}, {"do_lower_case": False}, False),
    "words of Chinese": ({}, {"do_lower_case": False, "tokenize_chinese_chars": False}, False),
    "vocab.txt alone": (None, {}, True),
    "vocab.txt, cased": (None, {"do_lower_case": False}, True),
}


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("name", COMBINATIONS)
def test_the_file_that_counts(tmp_path, cls, name):
    fast, config, vocabulary = COMBINATIONS[name]
    write(tmp_path, fast, {**config, **({} if cls is None else {"tokenizer_class": cls})}, vocabulary)
    if fast is None and cls in ("PreTrainedTokenizerFast", "TokenizersBackend"):
        with pytest.raises(UserError, match=r"needs tokenizer\.json, which is not there"):
            load_tokenizer(tmp_path)
        return
    ids = transformers.AutoTokenizer.from_pretrained(tmp_path)(TEXT).input_ids
    assert load_tokenizer(tmp_path).encode([TEXT]).to_list() == [ids[1:-1]]


def test_no_configuration(tmp_path):
    """A tokenizer.json whose normalizer keeps the case: both versions of transformers lower it."""
    write(tmp_path, {}, vocabulary=True)
    ids = transformers.AutoTokenizer.from_pretrained(tmp_path)(TEXT).input_ids
    assert load_tokenizer(tmp_path).encode([TEXT]).to_list() == [ids[1:-1]]
    assert WORDS.index("paris") in ids


def changed(*path, value):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (changed("normalizer", value={"type": "NFC"}), {}, "normalizer 'NFC' is not supported"),
        (changed("normalizer", "clean_text", value=False), {}, "clean_text must be true, got False"),
        (changed("pre_tokenizer", value={"type": "Whitespace"}), {}, "pre_tokenizer 'Whitespace' is not supported"),
        (changed("model", "unk_token", value="[PAD]"), {}, r"unk_token '\[PAD\]' is not supported"),
        (changed("model", "max_input_chars_per_word", value=4), {}, "max_input_chars_per_word 4 is not supported"),
        (changed("post_processor", value=None), {}, "post_processor None is not supported"),
        (changed("post_processor", "single", 1, "Sequence", "type_id", value=1), {}, "post_processor 'TemplateProc"),
        (changed("post_processor", "special_tokens", "[SEP]", "ids", value=[4]), {}, "post_processor 'TemplateProc"),
        (lambda content: None, {"do_lower_case": "no"}, "do_lower_case 'no' is not supported; it must be true or"),
        (lambda content: None, {"do_lower_case": None}, "do_lower_case None is not supported; it must be true or"),
        (lambda content: None, {"tokenizer_class": "XLNetTokenizer"}, "tokenizer_class 'XLNetTokenizer' is not"),
    ],
)
def test_parts_that_are_refused(tmp_path, change, config, message):
    write(tmp_path, {}, config)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        load_tokenizer(tmp_path)


def test_long_words_of_a_class_without_rules_of_its_own(tmp_path):
    write(tmp_path, {}, {"tokenizer_class": "TokenizersBackend"})
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace('"max_input_chars_per_word": 100', '"max_input_chars_per_word": 4'))
    ids = transformers.AutoTokenizer.from_pretrained(tmp_path)(TEXT).input_ids
    assert load_tokenizer(tmp_path).encode([TEXT]).to_list() == [ids[1:-1]]
    assert WORDS.index("[UNK]") in ids
