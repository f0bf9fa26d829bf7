"""The tokenizer and the chat template inside a GGUF file."""

from collections.abc import Callable
from typing import Any, NamedTuple

from zoo.checkpoints.gguf_files import open_gguf
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer, Tokenizer
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_fallback.byte_fallback_tokenizer import ByteFallbackTokenizer
from zoo.tokenizers.byte_fallback.vocabulary import BLANK

# Of tokenizer.ggml.pre: steps that split texts into words, and what else the tokenizers of that name do.
_PRE_TOKENIZERS = {
    "gpt-2": dict(pre_tokenizer=("gpt2",)),
    "smollm": dict(pre_tokenizer=("digits", "gpt2")),
    "llama-bpe": dict(pre_tokenizer=("llama3",), ignore_merges=True),
    "llama3": dict(pre_tokenizer=("llama3",), ignore_merges=True),
    "qwen2": dict(pre_tokenizer=("qwen2",), normalization="NFC"),
    "tekken": dict(pre_tokenizer=("tekken",), ignore_merges=True),
}
# Those whose texts begin with a token, where the file does not say.
_BEGINNING = ("llama-bpe", "llama3", "tekken")
# Of tokenizer.ggml.token_type. Unused are the entries that fill a vocabulary up.
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6
_ROLES = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}


class GgufTokenizer(NamedTuple):
    """What a file says of texts.

    Attributes:
        tokenizer: The tokenizer, which itself puts nothing around a text.
        begins: Whether a text shall have `tokenizer.bos_id` before it.
        chat_template: The chat template, or None.
        end_token_ids: Further tokens that end an answer.
    """

    tokenizer: Tokenizer
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
    if kind not in _KINDS:
        raise UserError(f"{path}: tokenizer.ggml.model {kind!r} is not supported; supported are {', '.join(_KINDS)}")
    for key, value in (("add_eos_token", False), ("remove_extra_whitespaces", False), ("precompiled_charsmap", None)):
        if fields.get(f"ggml.{key}", value) != value:
            raise UserError(f"{path}: tokenizer.ggml.{key} {fields[f'ggml.{key}']!r:.80} is not supported")
    tokens, types = fields.get("ggml.tokens"), fields.get("ggml.token_type")
    if not tokens or types is None or len(types) != len(tokens):
        raise UserError(f"{path} is damaged: it lacks tokens or their types; download it again")
    named = {role: fields.get(f"ggml.{key}_token_id") for key, role in _ROLES.items()}
    for role, number in named.items():
        if number is not None and not 0 <= number < len(tokens):
            raise UserError(f"{path} is damaged: its {role} token is {number} of {len(tokens)}; download it again")
    roles = {role: tokens[number] for role, number in named.items() if number is not None}
    vocabulary = _Vocabulary(path, fields, tokens, types, roles)
    begins = fields.get("ggml.add_bos_token", kind == "llama" or fields.get("ggml.pre") in _BEGINNING)
    try:
        tokenizer = _KINDS[kind](vocabulary, special_tokens_in_text)
    except UserError as error:
        raise UserError(str(error) if str(error).startswith(f"{path}") else f"{path}: {error}") from error
    turn = fields.get("ggml.eot_token_id")
    ends = () if turn in (None, tokenizer.eos_id) else (turn,)
    return GgufTokenizer(tokenizer, bool(begins), fields.get("chat_template"), ends)


class _Vocabulary(NamedTuple):
    """The fields of a file as far as they have been checked: tokens and their types by id, special ones by role."""

    path: Any
    fields: dict[str, Any]
    tokens: list[str]
    types: list[int]
    roles: dict[str, str]

    def ids(self):
        """The ids by token."""
        return {token: number for number, token in enumerate(self.tokens)}

    def added(self, known):
        """The tokens that are looked for in texts or become none: user-defined and control tokens.

        Entries that fill a vocabulary up stay as they are: nothing makes them.

        Args:
            known: Types of tokens that this kind of tokenizer makes something else of.

        Raises:
            UserError: for another type.
        """
        control, known = (_CONTROL, _UNKNOWN), (*known, _UNUSED)
        found = sorted(set(self.types) - {*known, *control, _USER_DEFINED})
        if found:
            raise UserError(f"tokenizer.ggml.token_type {found[0]} is not supported")
        return [
            AddedToken(token, number, special=kind in control, control=kind in control)
            for number, (token, kind) in enumerate(zip(self.tokens, self.types, strict=True))
            if kind not in known
        ]


def _byte_pairs(vocabulary, special_tokens_in_text):
    """Byte-level byte-pair encoding."""
    fields, tokens = vocabulary.fields, vocabulary.tokens
    name = fields.get("ggml.pre", "default")
    if name not in _PRE_TOKENIZERS:
        known = ", ".join(_PRE_TOKENIZERS)
        raise UserError(f"tokenizer.ggml.pre {name!r} is not supported; supported are {known}")
    if fields.get("ggml.add_space_prefix", False):
        raise UserError("tokenizer.ggml.add_space_prefix True is not supported")
    merges = fields.get("ggml.merges")
    if not merges:
        raise UserError(f"{vocabulary.path} is damaged: it lacks merges; download it again")
    return BytePairTokenizer(
        vocabulary.ids(),
        [tuple(merge.split(" ")) for merge in merges],
        special_tokens={token: tokens.index(token) for token in set(vocabulary.roles.values())},
        roles=vocabulary.roles,
        added_tokens=vocabulary.added((_NORMAL,)),
        special_tokens_in_text=special_tokens_in_text,
        drop_missing_bytes=True,
        **_PRE_TOKENIZERS[name],
    )


def _byte_fallback(vocabulary, special_tokens_in_text):
    """Byte-pair encoding of SentencePiece with byte fallback, whose files have scores in place of merges."""
    prefix = vocabulary.fields.get("ggml.add_space_prefix", True)
    added = vocabulary.added((_NORMAL, _BYTE))
    for token in added:
        if BLANK in token.content and not token.control:
            raise UserError(f"the user-defined token {token.content!r} holds {BLANK!r}, which is not supported")
    return ByteFallbackTokenizer(
        vocabulary.ids(),
        _merges_by_score(vocabulary),
        roles=vocabulary.roles,
        prefix="every" if prefix else "none",
        strip_blanks=1 if prefix else 0,
        added_tokens=added,
        special_tokens_in_text=special_tokens_in_text,
    )


def _merges_by_score(vocabulary):
    """The merges that do what scores do: neighbours become one where that is the entry of the highest score."""
    scores = vocabulary.fields.get("ggml.scores")
    if scores is None or len(scores) != len(vocabulary.tokens):
        raise UserError(f"{vocabulary.path} is damaged: it lacks the scores of tokens; download it again")
    score_of = {
        token: score
        for token, score, kind in zip(vocabulary.tokens, scores, vocabulary.types, strict=True)
        if kind == _NORMAL
    }
    merges, last = [], None
    for token, score in sorted(score_of.items(), key=lambda item: -item[1]):
        parts = [(token[:place], token[place:]) for place in range(1, len(token))]
        parts = [pair for pair in parts if pair[0] in score_of and pair[1] in score_of]
        if parts and last is not None and last[1] == score:
            raise UserError(f"the tokens {last[0]!r} and {token!r} have the same score, which is not supported")
        last = (token, score) if parts else last
        merges += parts
    return merges


_KINDS: dict[str, Callable[..., Tokenizer]] = {"gpt2": _byte_pairs, "llama": _byte_fallback}
