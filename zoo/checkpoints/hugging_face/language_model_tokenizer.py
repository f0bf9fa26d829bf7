"""Tokenizers of language models in Hugging Face directories, by their tokenizer.json: Llama's, Qwen's, SmolLM's."""

from dataclasses import replace
from typing import NamedTuple

from zoo.architectures import architecture_named
from zoo.checkpoints.foreign_model import LANGUAGE_MODEL
from zoo.checkpoints.hugging_face.added_tokens import DescribedTokens, model_rows
from zoo.checkpoints.hugging_face.byte_pair_post_processor import tokens_around
from zoo.checkpoints.hugging_face.byte_pair_tokenizer import is_byte_pair, read_byte_pair
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, FAST_FILE, TOKENIZER_CONFIG_FILE, DirectoryFiles
from zoo.errors import UserError
from zoo.tokenizers import ByteFallbackTokenizer, BytePairTokenizer
from zoo.tokenizers.byte_fallback.tokenizer_json import read_byte_fallback_json
from zoo.tokenizers.byte_pair.tokenizer_json import read_tokenizer_json
from zoo.tokenizers.byte_pair.vocabulary import KNOWN_SPECIAL_TOKENS

# Key of tokenizer_config.json: the values that change no token and no text. Any other is refused.
_ONLY = {
    "errors": ("replace",),
    "do_lower_case": (False,),
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": (False,),
}


class LanguageModelTokenizer(NamedTuple):
    """What the tokenizer files of a directory describe.

    Attributes:
        tokenizer: The tokenizer, which itself puts nothing around a text.
        begins: Whether a text shall have `tokenizer.bos_id` before it.
        ends: Whether it shall have `tokenizer.eos_id` after it.
    """

    tokenizer: BytePairTokenizer | ByteFallbackTokenizer
    begins: bool
    ends: bool


def read_language_model_tokenizer(directory, special_tokens_in_text=(), vocabulary_size=None):
    """Reads the tokenizer of a directory as the `tokenizers` package reads its tokenizer.json, or by `read_byte_pair`.

    tokenizer_config.json says which tokens begin, end and pad a text. All tokens that are special are control tokens,
    not only those: text yields none of them, so that nobody who writes "<|im_end|>" ends his turn of a conversation.
    `Tokenizer.reading_from_text` gives the tokenizer of texts that were put together from a chat template.

    Args:
        directory: A Hugging Face directory.
        special_tokens_in_text: See `BytePairTokenizer`.
        vocabulary_size: Rows of the model's table of vectors, what config.json says if None. Special tokens beyond are
            left out.

    Returns:
        A `LanguageModelTokenizer`.

    Raises:
        UserError: for missing or damaged files, and for each setting that cannot be followed exactly, by name.
    """
    files = DirectoryFiles.of(directory)
    architecture = architecture_named(files.config.get("model_type")) if files.holds(CONFIG_FILE) else None
    if architecture is not None and architecture.group == LANGUAGE_MODEL and not architecture.has_tokenizer_json:
        if not is_byte_pair(files):
            raise UserError(f"{files}: a language model needs a byte-level BPE tokenizer, which is not there")
        tokenizer, around, _ = read_byte_pair(files, special_tokens_in_text, vocabulary_size)
        return LanguageModelTokenizer(tokenizer, begins=around == "begin", ends=around == "both")
    path, config_path = files / FAST_FILE, files / TOKENIZER_CONFIG_FILE
    if not files.holds(FAST_FILE):
        raise UserError(f"{path} is missing; a language model's tokenizer is read from it")
    content, config = files.json(FAST_FILE), files.json(TOKENIZER_CONFIG_FILE)
    byte_fallback = (content.get("model") or {}).get("byte_fallback")
    arguments = (read_byte_fallback_json if byte_fallback else read_tokenizer_json)(content, path)
    for key, values in _ONLY.items():
        if config.get(key) not in (*values, None):
            raise UserError(f"{config_path}: {key} {config[key]!r} is not supported; it must be {values[0]!r}")
    vocabulary = arguments.pop("vocabulary")
    described = DescribedTokens(files)
    rows = model_rows(files) if vocabulary_size is None else vocabulary_size
    added = described.added(vocabulary, len(vocabulary), rows)
    added = tuple(replace(token, control=token.special) for token in added)
    numbers = {**vocabulary, **{token.content: token.id for token in added}}
    apart = {token.content for token in added}
    special = {token: numbers[token] for token in described.roles.values() if token in numbers and token not in apart}
    known = {*special, *(token.content for token in added if token.control)}
    named = ("bos", "eos", "pad", "unk") if byte_fallback else KNOWN_SPECIAL_TOKENS
    roles = {role: token for role, token in described.roles.items() if role in named and token in known}
    arguments |= {"roles": roles, "added_tokens": added, "special_tokens_in_text": special_tokens_in_text}
    try:
        if byte_fallback:
            tokenizer = ByteFallbackTokenizer(vocabulary, **arguments)
        else:
            tokenizer = BytePairTokenizer(vocabulary, special_tokens=special, **arguments)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    around = _around(path, content, config, described.roles, numbers)
    return LanguageModelTokenizer(tokenizer, *around)


def _around(path, content, config, roles, numbers):
    """Whether a text shall have the begin token before it and the end token after it."""
    said = tokens_around(content.get("post_processor"), numbers, path)
    found = []
    for tokens, role in zip(said, ("bos", "eos"), strict=True):
        if tokens not in ([], [roles.get(role)]):
            raise UserError(
                f"{path}: post_processor puts {tokens} around a text, which is not supported, only {role}_token "
                f"{roles.get(role)!r}"
            )
        # Other programs go by either of the two.
        wanted = config.get(f"add_{role}_token")
        if wanted is not None and bool(wanted) != bool(tokens):
            raise UserError(
                f"{path}: a post_processor with {tokens} around a text is not supported beside add_{role}_token "
                f"{wanted} in {TOKENIZER_CONFIG_FILE}"
            )
        found.append(bool(tokens))
    return found
