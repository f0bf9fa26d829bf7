"""Hugging Face's tokenizer.json of byte-level BPE tokenizers, read only if everything in it can be done alike."""

from typing import Any

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_pair.alphabet import ALPHABET
from zoo.tokenizers.byte_pair.pre_tokenizers import DEFAULT, REGULAR_EXPRESSIONS, checked_steps

_PLAIN_MODEL = {
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (None, False),
    "ignore_merges": (None, False, True),
}
_STEPS = {regex: name for name, regex in REGULAR_EXPRESSIONS.items()}
# Ways to say that matches are words: the expressions leave nothing between them.
_SPLITTING = (("Isolated", False), ("Removed", True))
_FLAGS = ("special", "lstrip", "rstrip", "single_word", "normalized")


def read_tokenizer_json(content, path) -> dict:
    """The arguments of `BytePairTokenizer` that such a file describes; none of the added tokens is a control token yet.

    A pre-tokeniser is a sequence of `Split`, with an expression of `pre_tokenizers`, `Digits` and, at the end,
    `ByteLevel`. Padding, truncation and the post-processor, which adds special tokens, have no counterpart and are not
    looked at.

    Args:
        content: The JSON object in the file.
        path: The file.

    Raises:
        UserError: naming the file, and the setting in it that is not supported.
    """
    vocabulary, merges = read_bpe_model(content, path, _PLAIN_MODEL)
    model = content["model"]
    normalizer = only_part(content.get("normalizer"), "normalizers")
    if type_of(normalizer) not in (None, "NFC"):
        raise UserError(f"{path}: normalizer {type_of(normalizer)} is not supported, only none and NFC")
    steps, add_prefix_space = _steps(content.get("pre_tokenizer"), path)
    missing = [character for character in ALPHABET if character not in vocabulary]
    if missing and model.get("unk_token") is not None:
        raise UserError(
            f"{path}: unk_token {model['unk_token']!r} of model is not supported with a vocabulary that lacks the byte "
            f"{missing[0]!r}"
        )
    if type_of(content.get("decoder")) != "ByteLevel":
        raise UserError(f"{path}: decoder {type_of(content.get('decoder'))} is not supported, only ByteLevel")
    return {
        "vocabulary": vocabulary,
        "merges": merges,
        "add_prefix_space": add_prefix_space,
        "pre_tokenizer": steps,
        "normalization": type_of(normalizer),
        "ignore_merges": bool(model.get("ignore_merges")),
        "drop_missing_bytes": bool(missing),
        "added_tokens": read_added_tokens(content, path),
    }


def read_bpe_model(content, path, settings) -> tuple[dict, list]:
    """The vocabulary and the merges of a file's model.

    Args:
        content: The JSON object in the file.
        path: The file.
        settings: The values that settings of the model may have, by their names.

    Raises:
        UserError: naming the file, and the setting in it that is not supported.
    """
    model = content.get("model")
    if not isinstance(model, dict):
        raise UserError(f'{path} has no "model": it is no tokenizer.json of Hugging Face')
    # Early files leave the type out.
    if model.get("type", "BPE") != "BPE":
        raise UserError(f"{path}: model type {model['type']!r} is not supported, only 'BPE'")
    require(path, "model", model, settings)
    if not isinstance(model.get("vocab"), dict) or not isinstance(model.get("merges"), list):
        raise UserError(f"{path}: the model lacks vocab or merges")
    return model["vocab"], [_pair(merge) for merge in model["merges"]]


def read_added_tokens(content, path) -> list[AddedToken]:
    """The added tokens of a file's content, none of them a control token; UserError if they are damaged."""
    added = content.get("added_tokens") or []
    if not all(isinstance(token, dict) and isinstance(token.get("content"), str) for token in added):
        raise UserError(f"{path}: added_tokens is damaged; get the file again")
    return [_added_token(token) for token in added]


def _steps(splitting, path):
    """The names of the steps of a pre-tokeniser, and whether it puts a blank before a text."""
    parts = sequence_parts(splitting, "pretokenizers")
    kinds = [type_of(part) for part in parts]
    for kind in kinds:
        if kind not in ("Split", "Digits", "ByteLevel"):
            raise UserError(f"{path}: pre_tokenizer {kind} is not supported, only Split, Digits and ByteLevel")
    if kinds.count("ByteLevel") != 1 or kinds[-1] != "ByteLevel":
        found = ", ".join(map(str, kinds)) or None
        raise UserError(f"{path}: pre_tokenizer {found} is not supported, only one ByteLevel, at the end")
    steps = []
    for part in parts:
        if part["type"] == "Split":
            steps.append(_expression(part, path))
        elif part["type"] == "Digits":
            require(path, "pre_tokenizer", part, {"individual_digits": (None, False, True)})
            steps.append("digits" if part.get("individual_digits") else "digit_runs")
    last = parts[-1]
    require(path, "pre_tokenizer", last, {"use_regex": (None, False, True), "add_prefix_space": (False, True)})
    if last.get("use_regex") is not False:
        steps.append(DEFAULT[0])
    if last["add_prefix_space"] and (len(parts) > 1 or tuple(steps) != DEFAULT):
        raise UserError(f"{path}: add_prefix_space True of pre_tokenizer is not supported after other steps")
    try:
        return checked_steps(steps), last["add_prefix_space"]
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _expression(part, path):
    """The name of the step that a `Split` is."""
    pattern = part.get("pattern")
    regex = pattern.get("Regex") if isinstance(pattern, dict) else None
    if regex not in _STEPS:
        raise UserError(f"{path}: the expression of Split in pre_tokenizer is not supported: {regex or pattern!s}")
    way = (part.get("behavior"), part.get("invert", False))
    if way not in _SPLITTING:
        raise UserError(
            f"{path}: behavior {way[0]!r} with invert {way[1]!r} of Split in pre_tokenizer is not supported"
        )
    return _STEPS[regex]


def sequence_parts(part, key) -> list:
    """What a part that may be a `Sequence`, within others too, is made of."""
    if type_of(part) != "Sequence":
        return [] if part is None else [part]
    return [inner for one in part.get(key) or () for inner in sequence_parts(one, key)]


def only_part(part: Any, key: str) -> Any:
    """The part that a `Sequence` of one is, itself if it is of several, and None if there is none."""
    parts = sequence_parts(part, key)
    return part if len(parts) > 1 else next(iter(parts), None)


def _added_token(token):
    flags = {flag: bool(token.get(flag, False)) for flag in _FLAGS}
    return AddedToken(token["content"], token.get("id"), **flags)


def require(path, place, settings, allowed):
    """Raises UserError for a setting of a part of a file, `place`, that has none of the values allowed for its name."""
    for name, values in allowed.items():
        if settings.get(name) not in values:
            wanted = " or ".join(repr(value) for value in values if value is not None)
            raise UserError(f"{path}: {name} {settings.get(name)!r} of {place} is not supported, only {wanted}")


def type_of(part) -> str | None:
    """The kind of a part of a file; None if there is no such part."""
    return part.get("type") if isinstance(part, dict) else part


def _pair(merge):
    """Merges are "a b", or since version 0.20 of the package ["a", "b"]."""
    return tuple(merge.split(" ")) if isinstance(merge, str) else merge
