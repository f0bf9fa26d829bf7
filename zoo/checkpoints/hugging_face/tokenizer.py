"""The tokenizer of a Hugging Face directory."""

import functools
import json
from pathlib import Path

from zoo.errors import UserError
from zoo.tokenizers import WordPieceTokenizer

VOCABULARY_FILE = "vocab.txt"
FAST_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"

_CLASSES = {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "PreTrainedTokenizer", "TokenizersBackend"}


def load_tokenizer(directory, special_tokens_in_text=()):
    """Reads the WordPiece tokenizer of a directory: vocab.txt with tokenizer_config.json, or tokenizer.json.

    tokenizer.json decides where there are both, as in transformers; vocab.txt alone is read as lowercase, as there.

    Args:
        directory: A Hugging Face directory.
        special_tokens_in_text: See `WordPieceTokenizer`.

    Returns:
        A `WordPieceTokenizer`.

    Raises:
        UserError: for missing or damaged files, other kinds of tokenizers, and options that cannot be followed exactly.
    """
    directory = Path(directory)
    fast, vocabulary = directory / FAST_FILE, directory / VOCABULARY_FILE
    if fast.is_file():
        content = _read_json(fast)
        return WordPieceTokenizer(
            **_vocabulary_of(content, fast), **_options_of(content, fast), special_tokens_in_text=special_tokens_in_text
        )
    if not vocabulary.is_file():
        raise UserError(f"{directory} holds neither {FAST_FILE} nor {VOCABULARY_FILE}: its tokenizer is missing")
    config = directory / CONFIG_FILE
    given = _read_json(config) if config.is_file() else {}
    name = given.get("tokenizer_class", "BertTokenizer").removesuffix("Fast")
    if name not in _CLASSES:
        raise UserError(
            f"{config}: tokenizer_class {name!r} is not supported; supported are WordPiece tokenizers of BERT"
        )
    if given.get("do_basic_tokenize", True) is not True:
        raise UserError(f"{config}: do_basic_tokenize must be true, got {given['do_basic_tokenize']!r}")
    return WordPieceTokenizer.from_vocabulary_file(
        vocabulary,
        lowercase=bool(given.get("do_lower_case", True)),
        strip_accents=given.get("strip_accents"),
        split_cjk=bool(given.get("tokenize_chinese_chars", True)),
        special_tokens_in_text=special_tokens_in_text,
    )


def tokenizer_files(tokenizer):
    """The files that `load_tokenizer` and transformers read a `WordPieceTokenizer` from.

    Args:
        tokenizer: `WordPieceTokenizer`.

    Returns:
        Functions by file name, each of which writes that path when called with it, as `save_hugging_face` takes them.
    """
    config = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
        "tokenize_chinese_chars": tokenizer.split_cjk,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    }
    contents = {
        VOCABULARY_FILE: "".join(f"{token}\n" for token in tokenizer.vocabulary),
        CONFIG_FILE: json.dumps(config, indent=2) + "\n",
    }
    return {name: functools.partial(_write, content.encode()) for name, content in contents.items()}


def _write(content, path):
    path.write_bytes(content)


def _read_json(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged or cannot be read ({error}); copy it again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: it is no JSON object; copy it again")
    return content


def _vocabulary_of(content, path):
    model = content.get("model") or {}
    if model.get("type") != "WordPiece" or model.get("continuing_subword_prefix") != "##":
        raise UserError(f"{path}: the tokenizer is {model.get('type')!r}; supported is WordPiece with the prefix ##")
    entries = sorted(model["vocab"].items(), key=lambda entry: entry[1])
    if [token_id for _, token_id in entries] != list(range(len(entries))):
        raise UserError(f"{path}: its vocabulary does not number the entries from 0 without gaps")
    added = [token["content"] for token in content.get("added_tokens", ()) if token["content"] not in model["vocab"]]
    if added:
        raise UserError(f"{path}: tokens outside of the vocabulary are not supported: {', '.join(added[:5])}")
    vocabulary = [token for token, _ in entries]
    return {"vocabulary": vocabulary, "max_word_length": model.get("max_input_chars_per_word", 100)}


def _options_of(content, path):
    normalizer, words = content.get("normalizer") or {}, content.get("pre_tokenizer") or {}
    if normalizer.get("type") != "BertNormalizer" or words.get("type") != "BertPreTokenizer":
        raise UserError(
            f"{path}: normalizer {normalizer.get('type')!r} with pre-tokenizer {words.get('type')!r} is not supported; "
            "supported are those of BERT"
        )
    if normalizer.get("clean_text") is not True:
        raise UserError(f"{path}: clean_text must be true, got {normalizer.get('clean_text')!r}")
    return {
        "lowercase": normalizer["lowercase"],
        "strip_accents": normalizer.get("strip_accents"),
        "split_cjk": normalizer["handle_chinese_chars"],
    }
