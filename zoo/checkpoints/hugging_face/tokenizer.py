"""The tokenizer of a Hugging Face directory."""

import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from zoo.checkpoints.hugging_face.added_tokens import (
    ADDED_TOKENS_DECODER,
    DescribedTokens,
    described_tokens_of,
    model_rows,
)
from zoo.checkpoints.hugging_face.byte_pair_tokenizer import byte_pair_files, is_byte_pair, read_byte_pair
from zoo.checkpoints.hugging_face.directory_files import FAST_FILE, TOKENIZER_CONFIG_FILE, AnyDirectory, DirectoryFiles
from zoo.checkpoints.hugging_face.sentencepiece_tokenizer import XLM_ROBERTA_NUMBERING
from zoo.checkpoints.hugging_face.unigram_tokenizer import is_unigram, read_unigram, unigram_files
from zoo.checkpoints.hugging_face.wordpiece_options import MPNET, SPECIAL_TOKENS_OF_CLASS, wordpiece_options
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer, SentencePieceTokenizer, Tokenizer, WordPieceTokenizer

VOCABULARY_FILE = "vocab.txt"

_ROLES = ("pad", "unk", "cls", "sep", "mask")
# Names of MPNet's files for two of them, which have no other part to play.
_SAME = {"bos": "cls", "eos": "sep"}


def load_tokenizer(directory: AnyDirectory, special_tokens_in_text: Iterable[str] = ()) -> Tokenizer:
    """Reads the tokenizer of an encoder: tokenizer.json, or else vocab.txt (WordPiece), vocab.json and merges.txt, or
    sentencepiece.bpe.model.

    tokenizer.json has the vocabulary where there is more; how text is normalised, `wordpiece_options` says.

    Args:
        directory: A Hugging Face directory.
        special_tokens_in_text: See `WordPieceTokenizer` and `BytePairTokenizer`.

    Returns:
        A `WordPieceTokenizer`, for a directory of GPT-2's, RoBERTa's or BART's kind a `BytePairTokenizer`, and for one
        of XLM-RoBERTa's a `SentencePieceTokenizer`.

    Raises:
        UserError: for missing or damaged files, other kinds of tokenizers, and options that cannot be followed exactly.
    """
    files = DirectoryFiles.of(directory)
    fast, vocabulary = files.holds(FAST_FILE), files / VOCABULARY_FILE
    if is_unigram(files):
        return read_unigram(files).reading_from_text(special_tokens_in_text)
    if is_byte_pair(files) and (fast or not vocabulary.is_file()):
        return read_byte_pair(files, special_tokens_in_text).tokenizer
    if not fast and not vocabulary.is_file():
        raise UserError(
            f"{files} holds neither {FAST_FILE} nor {VOCABULARY_FILE} nor vocab.json with merges.txt nor "
            f"{XLM_ROBERTA_NUMBERING.model_file}: its tokenizer is missing"
        )
    # Of another kind of tokenizer that is said first.
    entries = _vocabulary_of(files.json(FAST_FILE), files / FAST_FILE) if fast else None
    options = wordpiece_options(files)
    if entries is None:
        special_tokens = options["special_tokens"]
        entries = WordPieceTokenizer.from_vocabulary_file(vocabulary, special_tokens=special_tokens).vocabulary
    return _with_added_tokens(files, entries, **options, in_text=special_tokens_in_text)


def _with_added_tokens(files, vocabulary, *, in_text, **options):
    """The tokenizer of a vocabulary with the tokens that the directory's files add to it."""
    roles: dict[str, str] = dict(zip(_ROLES, options["special_tokens"], strict=True))
    of_mpnet = options["special_tokens"] == SPECIAL_TOKENS_OF_CLASS[MPNET]
    if of_mpnet:
        roles |= {role: roles[same] for role, same in _SAME.items()}
    described = DescribedTokens(files, roles=roles, swallowing=("mask",) if of_mpnet else ())
    for role, token in roles.items():
        if described.roles[role] != token:
            raise UserError(
                f"{described.path}: {role}_token {described.roles[role]!r} is not supported for WordPiece; it must be "
                f"{token!r}"
            )
    ids = {token: number for number, token in enumerate(vocabulary)}
    added = described.added(ids, len(vocabulary), model_rows(files))
    try:
        return WordPieceTokenizer(vocabulary, **options, special_tokens_in_text=in_text, added_tokens=added)
    except UserError as error:
        raise UserError(f"{files}: {error}") from None


def tokenizer_files(tokenizer: Tokenizer, around: str | None = None) -> dict[str, Callable[[Path], Any]]:
    """The files that `load_tokenizer` and transformers read a tokenizer from.

    Args:
        tokenizer: `WordPieceTokenizer`, `BytePairTokenizer` or, numbered as XLM-RoBERTa's, `SentencePieceTokenizer`.
        around: Of a `BytePairTokenizer`: what transformers' tokenizer shall put around a text: "none" as GPT-2, "both"
            special tokens as RoBERTa, or "begin"; "both" if begin and end token differ, else "none", if None.

    Returns:
        Functions by file name, each of which writes that path when called with it, as `save_hugging_face` takes them.

    Raises:
        UserError: for a tokenizer without the special tokens that shall be around a text.
    """
    if isinstance(tokenizer, BytePairTokenizer):
        contents = byte_pair_files(tokenizer, around)
    elif isinstance(tokenizer, SentencePieceTokenizer):
        contents = unigram_files(tokenizer)
    else:
        contents = {name: content.encode() for name, content in _word_piece_files(tokenizer).items()}
    return {name: functools.partial(_write, content) for name, content in contents.items()}


def _word_piece_files(tokenizer):
    known = {tokens: name for name, tokens in reversed(SPECIAL_TOKENS_OF_CLASS.items())}
    if tokenizer.special_tokens not in known:
        raise UserError(f"transformers has no WordPiece tokenizer whose special tokens are {tokenizer.special_tokens}")
    config = {
        "tokenizer_class": known[tokenizer.special_tokens],
        "do_lower_case": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
        "tokenize_chinese_chars": tokenizer.split_cjk,
        **{f"{role}_token": token for role, token in zip(_ROLES, tokenizer.special_tokens, strict=True)},
    }
    if tokenizer.added_tokens:
        config[ADDED_TOKENS_DECODER] = described_tokens_of(tokenizer)
    own = tokenizer.vocabulary[: tokenizer.own_vocabulary_size]
    return {
        VOCABULARY_FILE: "".join(f"{token}\n" for token in own),
        TOKENIZER_CONFIG_FILE: json.dumps(config, indent=2) + "\n",
    }


def _write(content, path):
    path.write_bytes(content)


def _vocabulary_of(content, path):
    model = content.get("model") or {}
    kind = model.get("type")
    if kind != "WordPiece" or model.get("continuing_subword_prefix") != "##":
        raise UserError(
            f"{path}: the tokenizer's model is {kind!r}; supported are WordPiece with the prefix ## "
            "(continuing_subword_prefix) and BPE"
        )
    entries = sorted(model["vocab"].items(), key=lambda entry: entry[1])
    if [token_id for _, token_id in entries] != list(range(len(entries))):
        raise UserError(f"{path}: its vocabulary does not number the entries from 0 without gaps")
    return [token for token, _ in entries]
