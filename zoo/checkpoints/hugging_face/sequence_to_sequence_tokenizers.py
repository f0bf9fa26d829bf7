"""The tokenizers of encoder-decoder directories, and the special tokens that they put around a text."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.checkpoints.hugging_face.added_tokens import DescribedTokens
from zoo.checkpoints.hugging_face.byte_pair_tokenizer import read_byte_pair
from zoo.checkpoints.hugging_face.directory_files import (
    CONFIG_FILE,
    TOKENIZER_CONFIG_FILE,
    AnyDirectory,
    DirectoryFiles,
)
from zoo.checkpoints.hugging_face.mbart_languages import MBART50_LANGUAGES
from zoo.checkpoints.hugging_face.sentencepiece_tokenizer import (
    MBART50_NUMBERING,
    MBART_NUMBERING,
    PEGASUS_NUMBERING,
    read_sentencepiece,
    t5_numbering,
)
from zoo.checkpoints.hugging_face.tokenizer_settings import max_text_length
from zoo.errors import UserError
from zoo.tokenizers import MappedSentencePieceTokenizer, Tokenizer

_TARGET_VOCABULARY = "target_vocab.json"
# Tokens of the longest source where Marian's files do not say, as in transformers.
_MARIAN_LENGTH = 512
# Languages that a message lists.
_LISTED = 5
# How mBART spells them: "en_XX".
_LANGUAGE = re.compile("[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")


@dataclass(frozen=True)
class SequenceToSequenceTokenizers:
    """How a checkpoint reads and writes text.

    Attributes:
        source: Tokenizer of the input.
        target: Tokenizer of the answers; the same object for one vocabulary and one way of splitting.
        source_prefix_ids, source_suffix_ids: Special tokens around the source's own.
        max_source_length: Tokens of the longest source, special ones included; None if the files do not say.
        generation: Settings of decoding that make the answers be in the target language, by the names of
            `zoo.tasks.SequenceToSequenceSettings`; empty if the files name none.
        clean_up_spaces: Whether blanks before punctuation are taken out of answers, unless the target tokenizer does.
        multilingual: Whether the target language is one of several, which settings of decoding say.
    """

    source: Tokenizer
    target: Tokenizer
    source_prefix_ids: tuple
    source_suffix_ids: tuple
    max_source_length: int | None
    generation: dict = field(default_factory=dict)
    clean_up_spaces: bool = False
    multilingual: bool = False


@dataclass(frozen=True)
class _Request:
    """What a family's reader works from: the directory, its tokenizer_config.json, and what is asked for."""

    files: DirectoryFiles
    config: dict
    path: Path
    vocabulary_size: int
    source_language: str | None
    target_language: str | None


def load_sequence_to_sequence_tokenizers(
    directory: AnyDirectory,
    family: str,
    vocabulary_size: int,
    source_language: str | None = None,
    target_language: str | None = None,
) -> SequenceToSequenceTokenizers:
    """Reads the tokenizers of a directory.

    Args:
        directory: A Hugging Face directory: of Marian, source.spm, target.spm and vocab.json; of BART, tokenizer.json,
            or vocab.json and merges.txt; of mBART sentencepiece.bpe.model and of PEGASUS and T5 spiece.model,
            or tokenizer.json.
        family: "marian", "bart", "mbart", "pegasus" or "t5".
        vocabulary_size: Of the model. Special tokens at the end of BART's vocabulary that the model lacks are left out,
            such as the <mask> of bart-large-cnn.
        source_language: Of a multilingual model, such as "en_XX" of mBART; what the files say if None.
        target_language: Likewise, such as "ro_RO" of mBART, or "fra" of a Marian whose texts begin with `>>fra<<`.

    Returns:
        A `SequenceToSequenceTokenizers`.

    Raises:
        UserError: for missing or damaged files, options that cannot be followed exactly and languages that the model
            does not have, by name.
    """
    files = DirectoryFiles.of(directory)
    path, config = files / TOKENIZER_CONFIG_FILE, files.json(TOKENIZER_CONFIG_FILE)
    read, choosable = _READERS[family]
    asked = {"source": source_language, "target": target_language}
    for side, language in asked.items():
        if language is not None and side not in choosable:
            raise UserError(f"{files} holds a {family}, which has no {side} language to choose")
    cleaned = config.get("clean_up_tokenization_spaces", False)
    if not isinstance(cleaned, (bool, type(None))):
        raise UserError(f"{path}: clean_up_tokenization_spaces {cleaned!r} is not supported; it must be true or false")
    parts = read(_Request(files, config, path, vocabulary_size, source_language, target_language))
    usual = {
        "target": parts["source"],
        "source_prefix_ids": (),
        "source_suffix_ids": (parts["source"].eos_id,),
        "max_source_length": max_text_length(files),
        "clean_up_spaces": bool(cleaned),
    }
    return SequenceToSequenceTokenizers(**{**usual, **parts})


def _marian(asked):
    files, config, path = asked.files, asked.config, asked.path
    name = config.get("tokenizer_class", "MarianTokenizer")
    if name != "MarianTokenizer":
        raise UserError(f"{path}: tokenizer_class {name!r} is not supported; it must be 'MarianTokenizer'")
    if config.get("sp_model_kwargs"):
        raise UserError(f"{path}: sp_model_kwargs {config['sp_model_kwargs']!r} is not supported")
    separate = bool(config.get("separate_vocabs", False))
    described = DescribedTokens(files, roles={"unk": "<unk>", "eos": "</s>", "pad": "<pad>"})
    options = {f"{role}_token": described.roles[role] for role in ("unk", "eos", "pad")}
    options["clean_up_spaces"] = bool(config.get("clean_up_tokenization_spaces", False))
    if separate and not files.holds(_TARGET_VOCABULARY):
        raise UserError(
            f"{path}: separate_vocabs True is not supported without {_TARGET_VOCABULARY}, which is not there"
        )
    vocabularies = ("vocab.json", _TARGET_VOCABULARY if separate else "vocab.json")
    source, target = (
        _with_added_tokens(files / model, files / vocabulary, options, described, asked.vocabulary_size)
        for model, vocabulary in zip(("source.spm", "target.spm"), vocabularies, strict=True)
    )
    # Its tokenizer takes blanks out of answers itself.
    parts: dict[str, Any] = {"source": source, "target": target, "clean_up_spaces": False}
    if not config.keys() & {"model_max_length", "max_len"}:
        parts["max_source_length"] = _MARIAN_LENGTH
    if asked.target_language is not None:
        known = [entry[2:-2] for entry in source.vocabulary if entry.startswith(">>") and entry.endswith("<<")]
        if not known:
            raise UserError(f"{files} holds a Marian of one target language, so there is none to choose")
        _check_language("target", asked.target_language, known, files)
        parts["source_prefix_ids"] = (source.token_to_id(f">>{asked.target_language}<<"),)
    return parts


def _with_added_tokens(model, vocabulary, options, described, vocabulary_size):
    """A `MappedSentencePieceTokenizer` with the tokens that were added to its vocabulary."""
    own = MappedSentencePieceTokenizer.from_files(model, vocabulary, **options)
    ids = {entry: number for number, entry in enumerate(own.vocabulary)}
    added = described.added(ids, len(ids), vocabulary_size)
    if not added:
        return own
    try:
        return MappedSentencePieceTokenizer(own.model, own.vocabulary, **options, added_tokens=added)
    except UserError as error:
        raise UserError(f"{vocabulary.parent}: {error}") from None


def _bart(asked):
    files = asked.files
    tokenizer, around, _ = read_byte_pair(files, vocabulary_size=asked.vocabulary_size)
    for role in ("bos", "eos", "pad"):
        if getattr(tokenizer, f"{role}_id") is None:
            raise UserError(f"{files}: the tokenizer has no {role} token")
    if around not in ("both", None):
        raise UserError(f"{files}: a tokenizer that does not put tokens around a text is not supported")
    # transformers 5 leaves byte pairs alone, of which blanks are a part.
    return dict(source=tokenizer, source_prefix_ids=(tokenizer.bos_id,), clean_up_spaces=False)


def _mbart(asked):
    files, config, path = asked.files, asked.config, asked.path
    name = config.get("tokenizer_class") or files.json(CONFIG_FILE).get("tokenizer_class") or "MBartTokenizer"
    numberings = {"MBartTokenizer": MBART_NUMBERING, "MBart50Tokenizer": MBART50_NUMBERING}
    numbering = numberings.get(name.removesuffix("Fast"))
    if numbering is None:
        raise UserError(
            f"{path}: tokenizer_class {name!r} is not supported; it must be one of {', '.join(map(repr, numberings))}"
        )
    tokenizer = read_sentencepiece(files, numbering, asked.vocabulary_size)
    pieces = set(tokenizer.id_to_token(range(tokenizer.vocabulary_size)))
    known = [language for language in MBART50_LANGUAGES if language in numbering.after and language in pieces]
    # Languages that somebody added to the model's own.
    known += [token.content for token in tokenizer.added_tokens if _LANGUAGE.fullmatch(token.content)]
    known = list(dict.fromkeys(known))
    # English is what transformers falls back to.
    source_language = asked.source_language or config.get("src_lang") or "en_XX"
    target_language = asked.target_language or config.get("tgt_lang")
    _check_language("source", source_language, known, files)
    source_id = tokenizer.token_to_id(source_language)
    target_id = None
    if target_language is not None:
        _check_language("target", target_language, known, files)
        target_id = tokenizer.token_to_id(target_language)
    if numbering is MBART_NUMBERING:
        around = dict(source_suffix_ids=(tokenizer.eos_id, source_id))
        generation = {"start_token_id": target_id, "forced_first_token_id": None}
    else:
        around = dict(source_prefix_ids=(source_id,))
        generation = {"start_token_id": tokenizer.eos_id, "forced_first_token_id": target_id}
    generation = {} if target_id is None else generation
    return dict(source=tokenizer, **around, generation=generation, multilingual=True)


def _pegasus(asked):
    config, path = asked.config, asked.path
    name = (config.get("tokenizer_class") or "PegasusTokenizer").removesuffix("Fast")
    if name != "PegasusTokenizer":
        raise UserError(f"{path}: tokenizer_class {name!r} is not supported; it must be 'PegasusTokenizer'")
    fixed = {"offset": 103, "mask_token_sent": "<mask_1>"}
    for key, wanted in fixed.items():
        found = _spelling(config.get(key, wanted))
        if found != wanted:
            raise UserError(f"{path}: {key} {found!r} is not supported; it must be {wanted!r}")
    return dict(source=read_sentencepiece(asked.files, PEGASUS_NUMBERING, asked.vocabulary_size))


def _t5(asked):
    config, path = asked.config, asked.path
    name = (config.get("tokenizer_class") or "T5Tokenizer").removesuffix("Fast")
    extra_ids = config.get("extra_ids", 100)
    if name != "T5Tokenizer" or not isinstance(extra_ids, int):
        raise UserError(f"{path}: tokenizer_class {name!r} with extra_ids {extra_ids!r} is not supported")
    return dict(source=read_sentencepiece(asked.files, t5_numbering(extra_ids), asked.vocabulary_size))


# By `model_type`: the reader, and the sides whose languages can be chosen. It gives the arguments of
# `SequenceToSequenceTokenizers` in which its family differs from the usual.
_READERS = {
    "marian": (_marian, ("target",)),
    "bart": (_bart, ()),
    "mbart": (_mbart, ("source", "target")),
    "pegasus": (_pegasus, ()),
    "t5": (_t5, ()),
}


def _check_language(side, language, known, files):
    if language not in known:
        listed = ", ".join(known[:_LISTED]) + (f" and {len(known) - _LISTED} more" if len(known) > _LISTED else "")
        raise UserError(f"{files}: the {side} language {language!r} is not one of the model's: {listed}")


def _spelling(token):
    """A special token as a str; files may describe it by an object."""
    return token["content"] if isinstance(token, dict) else token
