"""tokenizer.json of byte-pair tokenizers that say more than vocab.json and merges.txt can, such as ModernBERT's."""

import json

from zoo.checkpoints.hugging_face.directory_files import FAST_FILE, TOKENIZER_CONFIG_FILE
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_pair.pre_tokenizers import DEFAULT, REGULAR_EXPRESSIONS

_CLASS = "PreTrainedTokenizerFast"
_FLAGS = ("special", "lstrip", "rstrip", "single_word", "normalized")


def byte_pair_json_files(tokenizer, around, tokens):
    """The files that `read_byte_pair` and transformers read a `BytePairTokenizer` of any kind from.

    Args:
        tokenizer: The tokenizer.
        around: "none", "begin" or "both": what transformers' tokenizer shall put around a text.
        tokens: Special tokens by the names of their parts; None for one that there is not.

    Returns:
        Contents by file name, bytes.
    """
    config = {
        "tokenizer_class": _CLASS,
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": token for role, token in tokens.items() if token is not None},
    }
    control = {token: AddedToken(token, number, control=True) for token, number in tokenizer.special_tokens.items()}
    added = {**control, **{token.content: token for token in tokenizer.added_tokens}}
    own = enumerate(tokenizer.vocabulary[: tokenizer.own_vocabulary_size])
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token.id, "content": token.content, **{flag: getattr(token, flag) for flag in _FLAGS}}
            for token in sorted(added.values(), key=lambda token: token.id)
        ],
        "normalizer": None if tokenizer.normalization is None else {"type": tokenizer.normalization},
        "pre_tokenizer": _pre_tokenizer(tokenizer),
        "post_processor": _around(around, tokenizer),
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "ignore_merges": tokenizer.ignore_merges,
            "vocab": {entry: number for number, entry in own},
            "merges": [list(pair) for pair in tokenizer.merges],
        },
    }
    return {name: _json(each) for name, each in ((FAST_FILE, content), (TOKENIZER_CONFIG_FILE, config))}


def _pre_tokenizer(tokenizer):
    """The inverse of what `read_tokenizer_json` makes of a pre-tokeniser."""
    steps = list(tokenizer.pre_tokenizer)
    by_itself = steps[-1:] == list(DEFAULT)
    parts = []
    for name in steps[:-1] if by_itself else steps:
        if name in REGULAR_EXPRESSIONS:
            pattern = {"Regex": REGULAR_EXPRESSIONS[name]}
            parts.append({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False})
        else:
            parts.append({"type": "Digits", "individual_digits": name == "digits"})
    last = {"type": "ByteLevel", "add_prefix_space": tokenizer.add_prefix_space, "trim_offsets": True}
    parts.append({**last, "use_regex": by_itself})
    return parts[0] if len(parts) == 1 else {"type": "Sequence", "pretokenizers": parts}


def _around(around, tokenizer):
    """A post-processor that puts these tokens around every text."""
    if around == "none":
        return None
    begin = tokenizer.vocabulary[tokenizer.bos_id]
    end = [] if around == "begin" else [tokenizer.vocabulary[tokenizer.eos_id]]
    numbers = {token: tokenizer.token_to_id(token) for token in (begin, *end)}

    def text(name, segment):
        return {"Sequence": {"id": name, "type_id": segment}}

    def special(token, segment):
        return {"SpecialToken": {"id": token, "type_id": segment}}

    first = [special(begin, 0), text("A", 0), *(special(token, 0) for token in end)]
    return {
        "type": "TemplateProcessing",
        "single": first,
        "pair": [*first, text("B", 0), *(special(token, 0) for token in end)],
        "special_tokens": {
            token: {"id": token, "ids": [number], "tokens": [token]} for token, number in numbers.items()
        },
    }


def _json(content):
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
