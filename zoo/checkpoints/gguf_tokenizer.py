"""The tokenizer and the chat template inside a GGUF file."""

from typing import NamedTuple

from zoo.checkpoints.gguf_files import open_gguf
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer
from zoo.tokenizers.added_tokens.added_token import AddedToken

# Of tokenizer.ggml.pre: steps that split texts into words, and what else the tokenizers of that name do.
_PRE_TOKENIZERS = {
    "gpt-2": dict(pre_tokenizer=("gpt2",)),
    "smollm": dict(pre_tokenizer=("digits", "gpt2")),
    "llama-bpe": dict(pre_tokenizer=("llama3",), ignore_merges=True),
    "llama3": dict(pre_tokenizer=("llama3",), ignore_merges=True),
    "qwen2": dict(pre_tokenizer=("qwen2",), normalization="NFC"),
    "tekken": dict(pre_tokenizer=("tekken",), ignore_merges=True),
}
# Of tokenizer.ggml.token_type.
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4
_ROLES = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}


class GgufTokenizer(NamedTuple):
    """What a file says of texts.

    Attributes:
        tokenizer: The tokenizer, which itself puts nothing around a text.
        begins: Whether a text shall have `tokenizer.bos_id` before it.
        chat_template: The chat template, or None.
        end_token_ids: Further tokens that end an answer.
    """

    tokenizer: BytePairTokenizer
    begins: bool
    chat_template: str | None
    end_token_ids: tuple[int, ...]


def read_gguf_tokenizer(path, special_tokens_in_text=()) -> GgufTokenizer:
    """Reads the tokenizer of a GGUF file.

    All control tokens of the file are such here: text yields none of them, so that nobody who writes "<|im_end|>" ends
    his turn of a conversation.

    Args:
        path: The file.
        special_tokens_in_text: See `BytePairTokenizer`.

    Raises:
        UserError: for a damaged file, and for a tokenizer that is not supported, by name.
    """
    fields = {
        key.removeprefix("tokenizer."): field.contents()
        for key, field in open_gguf(path).fields.items()
        if key.startswith("tokenizer.")
    }
    kind = fields.get("ggml.model")
    if kind != "gpt2":
        raise UserError(f"{path}: tokenizer.ggml.model {kind!r} is not supported; supported is 'gpt2'")
    name = fields.get("ggml.pre", "default")
    if name not in _PRE_TOKENIZERS:
        known = ", ".join(_PRE_TOKENIZERS)
        raise UserError(f"{path}: tokenizer.ggml.pre {name!r} is not supported; supported are {known}")
    for key, value in (("add_eos_token", False), ("add_space_prefix", False)):
        if fields.get(f"ggml.{key}", value) != value:
            raise UserError(f"{path}: tokenizer.ggml.{key} {fields[f'ggml.{key}']!r} is not supported")
    tokens, types = fields.get("ggml.tokens"), fields.get("ggml.token_type")
    merges = fields.get("ggml.merges")
    if not tokens or not merges or types is None or len(types) != len(tokens):
        raise UserError(f"{path} is damaged: it lacks tokens, their types or merges; download it again")
    if set(types) - {_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED}:
        found = sorted(set(types) - {_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED})
        raise UserError(f"{path}: tokenizer.ggml.token_type {found[0]} is not supported")
    control = (_CONTROL, _UNKNOWN)
    added = [
        AddedToken(token, number, special=kind in control, control=kind in control)
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind != _NORMAL
    ]
    named = {role: fields.get(f"ggml.{key}_token_id") for key, role in _ROLES.items()}
    for role, number in named.items():
        if number is not None and not 0 <= number < len(tokens):
            raise UserError(f"{path} is damaged: its {role} token is {number} of {len(tokens)}; download it again")
    roles = {role: tokens[number] for role, number in named.items() if number is not None}
    try:
        tokenizer = BytePairTokenizer(
            {token: number for number, token in enumerate(tokens)},
            [tuple(merge.split(" ")) for merge in merges],
            special_tokens={token: tokens.index(token) for token in set(roles.values())},
            roles=roles,
            added_tokens=added,
            special_tokens_in_text=special_tokens_in_text,
            drop_missing_bytes=True,
            **_PRE_TOKENIZERS[name],
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    turn = fields.get("ggml.eot_token_id")
    ends = () if turn in (None, tokenizer.eos_id) else (turn,)
    return GgufTokenizer(tokenizer, bool(fields.get("ggml.add_bos_token", False)), fields.get("chat_template"), ends)
