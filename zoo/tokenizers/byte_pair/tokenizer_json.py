"""Hugging Face's tokenizer.json of byte-level BPE tokenizers, read only if everything in it can be done alike."""

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken

_PLAIN_MODEL = {
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (None, False),
    "ignore_merges": (None, False),
}
_FLAGS = ("special", "lstrip", "rstrip", "single_word", "normalized")


def read_tokenizer_json(content, path) -> dict:
    """The arguments of `BytePairTokenizer` that such a file describes; none of the added tokens is a control token yet.

    Padding, truncation and the post-processor, which adds special tokens, have no counterpart and are not looked at.

    Args:
        content: The JSON object in the file.
        path: The file.

    Raises:
        UserError: naming the file, and the setting in it that is not supported.
    """
    model = content.get("model")
    if not isinstance(model, dict):
        raise UserError(f'{path} has no "model": it is no tokenizer.json of Hugging Face')
    # Early files leave the type out.
    if model.get("type", "BPE") != "BPE":
        raise UserError(f"{path}: model type {model['type']!r} is not supported, only 'BPE'")
    _require(path, "model", model, _PLAIN_MODEL)
    if not isinstance(model.get("vocab"), dict) or not isinstance(model.get("merges"), list):
        raise UserError(f"{path}: the model lacks vocab or merges")
    if content.get("normalizer") is not None:
        raise UserError(f"{path}: normalizer {_type_of(content['normalizer'])} is not supported, only none")
    splitting = content.get("pre_tokenizer")
    if _type_of(splitting) != "ByteLevel":
        raise UserError(f"{path}: pre_tokenizer {_type_of(splitting)} is not supported, only ByteLevel")
    _require(path, "pre_tokenizer", splitting, {"use_regex": (None, True), "add_prefix_space": (False, True)})
    if _type_of(content.get("decoder")) != "ByteLevel":
        raise UserError(f"{path}: decoder {_type_of(content.get('decoder'))} is not supported, only ByteLevel")
    added = content.get("added_tokens") or []
    if not all(isinstance(token, dict) and isinstance(token.get("content"), str) for token in added):
        raise UserError(f"{path}: added_tokens is damaged; get the file again")
    return {
        "vocabulary": model["vocab"],
        "merges": [_pair(merge) for merge in model["merges"]],
        "add_prefix_space": splitting["add_prefix_space"],
        "added_tokens": [_added_token(token) for token in added],
    }


def _added_token(token):
    flags = {flag: bool(token.get(flag, False)) for flag in _FLAGS}
    return AddedToken(token["content"], token.get("id"), **flags)


def _require(path, place, settings, allowed):
    for name, values in allowed.items():
        if settings.get(name) not in values:
            wanted = " or ".join(repr(value) for value in values if value is not None)
            raise UserError(f"{path}: {name} {settings.get(name)!r} of {place} is not supported, only {wanted}")


def _type_of(part):
    return part.get("type") if isinstance(part, dict) else part


def _pair(merge):
    """Merges are "a b", or since version 0.20 of the package ["a", "b"]."""
    return tuple(merge.split(" ")) if isinstance(merge, str) else merge
