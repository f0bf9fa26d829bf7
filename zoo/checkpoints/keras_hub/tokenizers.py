"""Tokenizers of KerasHub presets, in and out."""

import json
from pathlib import Path

from zoo.architectures import keras_hub_maps
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer, SentencePieceTokenizer, Tokenizer, WordPieceTokenizer

TOKENIZER_FILE = "tokenizer.json"
_ASSETS = Path("assets") / "tokenizer"
_WORDPIECE = ("BertTokenizer", "DistilBertTokenizer")
_BYTE_PAIRS = ("GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer")
# What KerasHub's classes look for in a vocabulary.
_SPECIAL_TOKENS = {
    **dict.fromkeys(_WORDPIECE, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")),
    "GPT2Tokenizer": ("<|endoftext|>",),
    "RobertaTokenizer": ("<s>", "</s>", "<pad>", "<mask>"),
    "BartTokenizer": ("<s>", "</s>", "<pad>"),
    "T5Tokenizer": ("</s>", "<pad>"),
}


def load_keras_hub_tokenizer(directory: str | Path) -> Tokenizer:
    """Reads the tokenizer of a KerasHub preset, as its files describe it.

    Raises:
        UserError: for missing or damaged files and other kinds of tokenizers.
    """
    directory = Path(directory)
    path = directory / TOKENIZER_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, config = content["class_name"], content["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); copy the preset again") from error
    assets = directory / _ASSETS
    if name in _BYTE_PAIRS:
        files = (assets / file for file in ("vocabulary.json", "merges.txt"))
        return BytePairTokenizer.from_files(*files, add_prefix_space=config.get("add_prefix_space", False))
    if name in _WORDPIECE and config.get("suffix_indicator", "##") == "##" and config.get("split", True):
        return WordPieceTokenizer.from_vocabulary_file(
            assets / "vocabulary.txt",
            lowercase=config.get("lowercase", False),
            strip_accents=config.get("strip_accents", False),
            split_cjk=config.get("split_on_cjk", True),
        )
    if name == "T5Tokenizer":
        try:
            model = (assets / "vocabulary.spm").read_bytes()
        except OSError as error:
            raise UserError(f"{assets / 'vocabulary.spm'} cannot be read: {error.strerror}") from error
        return SentencePieceTokenizer(model)
    known = ", ".join(family.tokenizer for family in keras_hub_maps())
    raise UserError(f"{path}: the tokenizer {name!r} is not supported; supported are {known}")


def to_keras_hub_tokenizer(tokenizer, family, keras_hub):
    """A tokenizer of ours as KerasHub's class.

    Args:
        tokenizer: `zoo.tokenizers.Tokenizer`.
        family: A `zoo.architectures.KerasHubMap`.
        keras_hub: The package.

    Raises:
        UserError: for a kind or an option that KerasHub's class does not have.
    """
    name = family.tokenizer
    wanted = SentencePieceTokenizer
    if name in _WORDPIECE:
        wanted = WordPieceTokenizer
    elif name in _BYTE_PAIRS:
        wanted = BytePairTokenizer
    if type(tokenizer) is not wanted:
        raise UserError(
            f"KerasHub's {family.name} has a {name}, which holds a {wanted.__name__}, not a {type(tokenizer).__name__}"
        )
    added = [token.content for token in tokenizer.added_tokens if not token.control]
    # Those of T5, which pretraining uses, are left out as ever.
    if added and wanted is not SentencePieceTokenizer:
        raise UserError(
            f"KerasHub's {name} does not find added tokens in texts; this vocabulary has {', '.join(added)}"
        )
    make = getattr(keras_hub.models, name)
    if wanted is SentencePieceTokenizer:
        if tokenizer.escaped:
            raise UserError(f"{name} does not know the escapes of this project's own SentencePiece vocabularies")
        pieces = tokenizer.id_to_token(list(range(tokenizer.vocabulary_size)))
        _check_special_tokens(name, pieces)
        return make(proto=tokenizer.model)
    _check_special_tokens(name, tokenizer.vocabulary)
    if wanted is BytePairTokenizer:
        tokenizer.require_gpt2_kind(f"KerasHub's {name} tokenizers")
        vocabulary = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
        merges = [" ".join(pair) for pair in tokenizer.merges]
        return make(vocabulary=vocabulary, merges=merges, add_prefix_space=tokenizer.add_prefix_space)
    return make(
        vocabulary=list(tokenizer.vocabulary),
        lowercase=tokenizer.lowercase,
        strip_accents=tokenizer.strip_accents,
        split_on_cjk=tokenizer.split_cjk,
    )


def _check_special_tokens(name, tokens):
    missing = [token for token in _SPECIAL_TOKENS[name] if token not in set(tokens)]
    if missing:
        raise UserError(f"the vocabulary has no {', '.join(missing)}, which KerasHub's {name} needs")
