"""Byte-pair encoding with byte fallback in a tokenizer.json of Hugging Face, read only if all of it can be followed."""

from zoo.errors import UserError
from zoo.tokenizers.byte_fallback.vocabulary import BLANK
from zoo.tokenizers.byte_pair.tokenizer_json import (
    only_part,
    read_added_tokens,
    read_bpe_model,
    require,
    sequence_parts,
    type_of,
)

_MODEL = {
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (True,),
    "ignore_merges": (None, False),
}
_PREPEND = {"type": "Prepend", "prepend": BLANK}
_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": BLANK}
_UNREPLACE = {"type": "Replace", "pattern": {"String": BLANK}, "content": " "}
_DECODER = [_UNREPLACE, {"type": "ByteFallback"}, {"type": "Fuse"}]
_PREFIX_OF_SCHEME = {"never": "never", "first": "first", "always": "missing"}


def read_byte_fallback_json(content, path) -> dict:
    """The arguments of `ByteFallbackTokenizer` that such a file describes; none of the added tokens is a control token.

    Padding, truncation and the post-processor, which adds special tokens, have no counterpart and are not looked at.

    Args:
        content: The JSON object in the file.
        path: The file.

    Raises:
        UserError: naming the file, and the setting in it that is not supported.
    """
    vocabulary, merges = read_bpe_model(content, path, _MODEL)
    prefix, split_words = _prefix(content, path)
    return {
        "vocabulary": vocabulary,
        "merges": merges,
        "prefix": prefix,
        "split_words": split_words,
        "strip_blanks": _strip_blanks(content.get("decoder"), path),
        "added_tokens": read_added_tokens(content, path),
    }


def _prefix(content, path):
    """Where a blank is put before a text, and whether words are split."""
    normalizers = sequence_parts(content.get("normalizer"), "normalizers")
    splitter = only_part(content.get("pre_tokenizer"), "pretokenizers")
    if normalizers in ([_PREPEND, _REPLACE], [_REPLACE]):
        # Where no " " is left, splitting there does nothing.
        idle = isinstance(splitter, dict) and splitter.get("pattern") == {"String": " "} and splitter["type"] == "Split"
        if splitter is not None and not idle:
            raise UserError(f"{path}: pre_tokenizer {type_of(splitter)} is not supported after normalizer Replace")
        return ("every" if len(normalizers) == 2 else "none"), False
    if normalizers:
        raise UserError(
            f"{path}: normalizer {normalizers} is not supported, only Replace of ' ' by {BLANK!r}, with or without "
            f"Prepend of {BLANK!r} before it, and none"
        )
    if type_of(splitter) != "Metaspace":
        raise UserError(
            f"{path}: pre_tokenizer {type_of(splitter)} is not supported without normalizer, only Metaspace"
        )
    require(path, "pre_tokenizer", splitter, {"replacement": (BLANK,), "split": (None, False, True)})
    scheme = splitter.get("prepend_scheme")
    if scheme is None and "add_prefix_space" in splitter:
        # Files of earlier versions.
        scheme = "always" if splitter["add_prefix_space"] else "never"
    if scheme not in _PREFIX_OF_SCHEME:
        raise UserError(f"{path}: prepend_scheme {scheme!r} of pre_tokenizer is not supported")
    return _PREFIX_OF_SCHEME[scheme], splitter.get("split") is not False


def _strip_blanks(decoder, path):
    """How many blanks the decoder takes away from the beginning of a text."""
    parts = sequence_parts(decoder, "decoders")
    last = parts[3:]
    if parts[:3] != _DECODER or len(last) > 1:
        raise UserError(
            f"{path}: decoder {[type_of(part) for part in parts]} is not supported, only Replace of {BLANK!r} by ' ', "
            "ByteFallback and Fuse, and Strip after them"
        )
    if not last:
        return 0
    require(path, "decoder", last[0], {"type": ("Strip",), "content": (" ",), "stop": (0,)})
    return last[0]["start"]
