"""The tokenizer files of encoder-decoder directories, as transformers reads them."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.checkpoints.hugging_face.added_tokens import ADDED_TOKENS_DECODER, described_tokens
from zoo.checkpoints.hugging_face.directory_files import TOKENIZER_CONFIG_FILE
from zoo.checkpoints.hugging_face.mbart_languages import MBART50_LANGUAGES
from zoo.checkpoints.hugging_face.sentencepiece_tokenizer import MBART50_NUMBERING
from zoo.checkpoints.hugging_face.sentencepiece_writing import numbering_of, unnumbered_model
from zoo.checkpoints.hugging_face.tokenizer import tokenizer_files
from zoo.checkpoints.hugging_face.tokenizer_settings import with_text_length
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer, MappedSentencePieceTokenizer, SentencePieceTokenizer, Tokenizer
from zoo.tokenizers.added_tokens.added_token import AddedToken


def sequence_to_sequence_tokenizer_files(
    family: str, source: Tokenizer, target: Tokenizer, settings: dict[str, Any]
) -> dict[str, Callable[[Path], Any]]:
    """The files that transformers and `load_sequence_to_sequence_tokenizers` read tokenizers from.

    Args:
        family: "marian", "bart", "mbart", "pegasus" or "t5": what the model is written as.
        source: Tokenizer of the input.
        target: Likewise of the answers; the same object for one vocabulary.
        settings: Values by the names of `zoo.tasks.SequenceToSequenceSettings`: what is put around a text, in which
            language answers are, how long a text may be.

    Returns:
        Functions by file name, each of which writes that path when called with it, as `save_hugging_face` takes them.

    Raises:
        UserError: for tokenizers that transformers' tokenizer of the family cannot be, saying what differs.
    """
    write, wanted = _WRITERS[family]
    for tokenizer in (source, target):
        if not isinstance(tokenizer, wanted):
            kind = type(tokenizer).__name__
            raise UserError(f"it is built like {family.upper()}, whose tokenizer in transformers is no {kind}")
    return write(family, source, target, settings)


def _bart_files(family, source, target, settings):
    _check_around(settings, (source.bos_id,), (source.eos_id,))
    _check_spaces_stay(settings)
    return with_text_length(tokenizer_files(source, "both"), settings["max_source_length"])


def _check_spaces_stay(settings):
    if settings["clean_up_spaces"]:
        raise UserError("clean_up_spaces cannot be kept there; set it to false with with_settings")


def _marian_files(family, source, target, settings):
    """Files of Marian's tokenizer.

    A `SentencePieceTokenizer` becomes one with its pieces as the vocabulary. Texts with tabs, line breaks and the few
    other characters that it escapes are split otherwise there.
    """
    _check_around(settings, (), (source.eos_id,))
    _check_spaces_stay(settings)
    vocabularies = [_entries(tokenizer) for tokenizer in (source, target)]
    separate = vocabularies[0] != vocabularies[1]
    if source.added_tokens != target.added_tokens:
        raise UserError("a Marian has the same added tokens for both languages")
    spellings = [
        {f"{role}_token": entries[getattr(tokenizer, f"{role}_id")] for role in ("unk", "eos", "pad")}
        for tokenizer, entries in zip((source, target), vocabularies, strict=True)
    ]
    if spellings[0] != spellings[1] or (separate and source.pad_id != target.pad_id):
        raise UserError("a Marian has one spelling and one padding id of special tokens for both languages")
    config = {
        "tokenizer_class": "MarianTokenizer",
        "model_max_length": settings["max_source_length"],
        "separate_vocabs": separate,
        "clean_up_tokenization_spaces": getattr(target, "clean_up_spaces", False),
        **spellings[0],
    }
    if source.added_tokens:
        config[ADDED_TOKENS_DECODER] = described_tokens(_described(source))
    contents = {"source.spm": source.model, "target.spm": target.model, TOKENIZER_CONFIG_FILE: _json(config)}
    for name, entries in zip(("vocab.json", "target_vocab.json"), vocabularies[: 1 + separate], strict=False):
        contents[name] = _json({entry: number for number, entry in enumerate(entries)})
    return {name: functools.partial(_write, content) for name, content in contents.items()}


def _sentencepiece_files(family, source, target, settings):
    """Files of T5's, PEGASUS's and mBART's tokenizers."""
    if source is not target and (source.model, source.added_tokens) != (target.model, target.added_tokens):
        raise UserError(f"a {family.upper()} has one tokenizer for both sides")
    numbering = numbering_of(family, source)
    config = {
        "model_max_length": settings["max_source_length"],
        "clean_up_tokenization_spaces": settings["clean_up_spaces"],
    }
    config |= _SENTENCEPIECE_SETTINGS[family](source, numbering, settings)
    config |= {f"{role}_token": getattr(numbering, role) for role in ("eos", "unk", "pad")}
    config[ADDED_TOKENS_DECODER] = described_tokens(_described(source))
    contents = {numbering.model_file: unnumbered_model(source, numbering), TOKENIZER_CONFIG_FILE: _json(config)}
    return {name: functools.partial(_write, content) for name, content in contents.items()}


def _t5_settings(tokenizer, numbering, settings):
    _check_around(settings, (), (tokenizer.eos_id,))
    return {"tokenizer_class": "T5Tokenizer", "extra_ids": len(numbering.after)}


def _pegasus_settings(tokenizer, numbering, settings):
    _check_around(settings, (), (tokenizer.eos_id,))
    return {"tokenizer_class": "PegasusTokenizer"}


def _mbart_settings(tokenizer, numbering, settings):
    """The class, and the languages that the tokens around a text and at the start of answers name."""
    prefix, suffix = settings["source_prefix_ids"], settings["source_suffix_ids"]
    of_50 = numbering is MBART50_NUMBERING
    language = (prefix if of_50 else suffix or ())[-1:]
    around = (language, (tokenizer.eos_id,)) if of_50 else ((), (tokenizer.eos_id, *language))
    _check_around(settings, *around)
    languages = {"src_lang": language, "tgt_lang": (settings["forced_first_token_id" if of_50 else "start_token_id"],)}
    if not language:
        raise UserError("its tokenizer in transformers puts the token of a language to every text, and it puts none")
    found = {"tokenizer_class": "MBart50Tokenizer" if of_50 else "MBartTokenizer"}
    known = MBART50_LANGUAGES if of_50 else (*numbering.extra, *(token.content for token in tokenizer.added_tokens))
    for key, (token_id,) in languages.items():
        token = None if token_id is None else tokenizer.id_to_token([token_id])[0]
        if token is not None and token in known:
            found[key] = token
        elif key == "src_lang":
            raise UserError(f"its tokenizer in transformers has no language {token!r} for sources")
    return found


def _check_around(settings, prefix, suffix):
    found = settings["source_prefix_ids"], settings["source_suffix_ids"]
    if found[0] != prefix or found[1] not in (suffix, *((None,) if len(suffix) == 1 else ())):
        raise UserError(f"its tokenizer in transformers does not put the tokens {found} around a text")


def _entries(tokenizer):
    return tokenizer.id_to_token(range(tokenizer.own_vocabulary_size))


def _described(tokenizer):
    """Added tokens, control tokens included, by id."""
    control = [AddedToken(token, tokenizer.token_to_id(token), control=True) for token in tokenizer.control_tokens]
    tokens = {token.content: token for token in (*control, *tokenizer.added_tokens)}
    return sorted(tokens.values(), key=lambda token: token.id)


def _json(content):
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _write(content, path):
    path.write_bytes(content)


_SENTENCEPIECE_SETTINGS = {"t5": _t5_settings, "pegasus": _pegasus_settings, "mbart": _mbart_settings}
# By `model_type`: the writer, and the classes of tokenizers that it can write.
_WRITERS = {
    "marian": (_marian_files, (MappedSentencePieceTokenizer, SentencePieceTokenizer)),
    "bart": (_bart_files, BytePairTokenizer),
    **dict.fromkeys(_SENTENCEPIECE_SETTINGS, (_sentencepiece_files, SentencePieceTokenizer)),
}
