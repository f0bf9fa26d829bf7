"""Byte-level BPE tokenizers of Hugging Face directories, in and out: GPT-2's, RoBERTa's and BART's."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from zoo.architectures import architecture_named
from zoo.checkpoints.hugging_face.added_tokens import (
    ADDED_TOKENS_DECODER,
    ROLES,
    DescribedTokens,
    described_tokens,
    model_rows,
)
from zoo.checkpoints.hugging_face.byte_pair_json_writing import byte_pair_json_files
from zoo.checkpoints.hugging_face.byte_pair_post_processor import tokens_around, trims_offsets
from zoo.checkpoints.hugging_face.directory_files import (
    CONFIG_FILE,
    FAST_FILE,
    TOKENIZER_CONFIG_FILE,
    AnyDirectory,
    DirectoryFiles,
)
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_pair.files import (
    MERGES_FILE,
    VOCABULARY_FILE,
    merges_content,
    parse_json,
    parse_merges,
    read_file,
    vocabulary_content,
)
from zoo.tokenizers.byte_pair.tokenizer_json import read_tokenizer_json
from zoo.tokenizers.byte_pair.vocabulary import KNOWN_SPECIAL_TOKENS

_GPT2, _ROBERTA, _BART = "GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer"
# Classes that do nothing of their own: tokenizer.json says everything.
_PLAIN_CLASSES = ("PreTrainedTokenizer", "TokenizersBackend")
_ROBERTA_TOKENS = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "mask": "<mask>"}
_TOKENS_OF_CLASS = {
    _GPT2: {"bos": "<|endoftext|>", "eos": "<|endoftext|>"},
    _ROBERTA: _ROBERTA_TOKENS,
    _BART: _ROBERTA_TOKENS,
}
# Key of tokenizer_config.json: the values that change no token and no text. Any other is refused.
_ONLY = {
    "errors": ("replace",),
    "do_lower_case": (False,),
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": (False,),
}
# Arguments of `BytePairTokenizer` that say what those classes never do, with the part of tokenizer.json that they come
# from and their usual value.
_OF_LANGUAGE_MODELS = {
    "pre_tokenizer": ("pre_tokenizer", ("gpt2",)),
    "normalization": ("normalizer", None),
    "ignore_merges": ("ignore_merges", False),
    "drop_missing_bytes": ("vocab without all bytes: drop_missing_bytes", False),
}
AROUND = ("none", "begin", "both")
"""The special tokens that a tokenizer puts around a text: none, one before it, or one before and one after it."""


class BytePairDirectory(NamedTuple):
    """What the tokenizer files of a directory describe.

    Attributes:
        tokenizer: The `BytePairTokenizer`, which itself puts nothing around a text.
        around: One of `AROUND`, what transformers' tokenizer puts there; None if the files do not say.
        trims_offsets: Whether the places of tokens in a text leave out the blanks before them.
    """

    tokenizer: BytePairTokenizer
    around: str | None
    trims_offsets: bool


def is_byte_pair(directory: AnyDirectory) -> bool:
    """Whether a directory's tokenizer is a byte-pair one: tokenizer.json decides, else the other files that there are.

    Raises:
        UserError: for a damaged tokenizer.json.
    """
    files = DirectoryFiles.of(directory)
    if files.holds(FAST_FILE):
        model = files.json(FAST_FILE).get("model")
        return isinstance(model, dict) and model.get("type", "BPE" if "merges" in model else None) == "BPE"
    return all(files.holds(name) for name in (VOCABULARY_FILE, MERGES_FILE))


def read_byte_pair(
    directory: AnyDirectory, special_tokens_in_text: Iterable[str] = (), vocabulary_size: int | None = None
) -> BytePairDirectory:
    """Reads the byte-pair tokenizer of a directory: tokenizer.json, or vocab.json and merges.txt.

    Added tokens are those of `DescribedTokens`; control tokens are those that have a part to play, and of the usual
    special tokens those that the vocabulary has. A control token that the model has no vector for is left out.

    Args:
        directory: A Hugging Face directory.
        special_tokens_in_text: See `BytePairTokenizer`.
        vocabulary_size: Of the model. Special tokens at the end of the vocabulary that the model lacks are left out,
            such as the <mask> of bart-large-cnn. What config.json says if None.

    Returns:
        A `BytePairDirectory`.

    Raises:
        UserError: for missing or damaged files, other kinds of tokenizers, and options that cannot be followed exactly,
            by name.
    """
    return _Reader(DirectoryFiles.of(directory)).read(special_tokens_in_text, vocabulary_size)


def byte_pair_files(tokenizer, around=None):
    """The files that `read_byte_pair` and transformers read a `BytePairTokenizer` from.

    These are vocab.json and merges.txt if they say all of it, else tokenizer.json.

    Args:
        tokenizer: The tokenizer. Which special tokens it reads from text is not kept: transformers reads all of them.
        around: One of `AROUND`: what transformers' tokenizer shall put around a text; "both" if begin and end token
            differ, else "none", if None.

    Returns:
        Contents by file name, bytes.

    Raises:
        UserError: for a tokenizer without the tokens to put around a text.
    """
    if around is None:
        around = "none" if tokenizer.bos_id in (None, tokenizer.eos_id) else "both"
    if (around != "none" and tokenizer.bos_id is None) or (around == "both" and tokenizer.eos_id is None):
        raise UserError("the tokenizer has no begin or end token, which texts shall have around them")
    tokens = {
        role: None if token_id is None else tokenizer.vocabulary[token_id]
        for role in ROLES
        for token_id in (getattr(tokenizer, f"{role}_id"),)
    }
    if not tokenizer.is_gpt2_kind:
        return byte_pair_json_files(tokenizer, around, tokens)
    # Their classes would add a token of their own to the vocabulary if none is named.
    tokens["unk"] = tokens["unk"] or tokens["eos"]
    options: dict[str, str | bool] = {"tokenizer_class": _ROBERTA if around == "both" else _GPT2}
    if around != "both":
        del tokens["cls"], tokens["sep"]
        options["add_bos_token"] = around == "begin"
    special = {token: AddedToken(token, number, control=True) for token, number in tokenizer.special_tokens.items()}
    added = {**special, **{token.content: token for token in tokenizer.added_tokens}}
    config = {
        **options,
        "add_prefix_space": tokenizer.add_prefix_space,
        "errors": "replace",
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": token for role, token in tokens.items()},
        ADDED_TOKENS_DECODER: described_tokens(sorted(added.values(), key=lambda token: token.id)),
    }
    return {
        VOCABULARY_FILE: vocabulary_content(tokenizer.vocabulary[: tokenizer.own_vocabulary_size]),
        MERGES_FILE: merges_content(tokenizer.merges),
        TOKENIZER_CONFIG_FILE: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
    }


class _Reader:
    def __init__(self, files):
        self.files, self.path = files, files / TOKENIZER_CONFIG_FILE
        self.config = files.json(TOKENIZER_CONFIG_FILE)
        for key, values in _ONLY.items():
            if self.config.get(key) not in (*values, None):
                raise UserError(f"{self.path}: {key} {self.config[key]!r} is not supported; it must be {values[0]!r}")
        model = files.json(CONFIG_FILE)
        named = self.config.get("tokenizer_class") or model.get("tokenizer_class")
        self.cls = named.removesuffix("Fast") if isinstance(named, str) else _class_of_family(model.get("model_type"))
        if self.cls not in (*_TOKENS_OF_CLASS, *_PLAIN_CLASSES, None):
            known = ", ".join((*_TOKENS_OF_CLASS, *_PLAIN_CLASSES))
            raise UserError(f"{self.path}: tokenizer_class {named!r} is not supported; supported are {known}")
        swallowing = ("mask",) if self.cls in (_ROBERTA, _BART) else ()
        roles = {} if self.cls is None else _TOKENS_OF_CLASS.get(self.cls, {})
        self.described = DescribedTokens(files, roles=roles, swallowing=swallowing)
        self.fast = files.json(FAST_FILE) if files.holds(FAST_FILE) else None

    def read(self, special_tokens_in_text, vocabulary_size):
        """The `BytePairDirectory`."""
        arguments = self._from_fast() if self.fast is not None else self._from_slow()
        path = self.files / (VOCABULARY_FILE if self.fast is None else FAST_FILE)
        rows = model_rows(self.files) if vocabulary_size is None else vocabulary_size
        vocabulary = arguments["vocabulary"]
        if rows is not None:
            vocabulary = _of_size(vocabulary, rows)
        added = self.described.added(vocabulary, len(vocabulary), rows)
        apart = {token.content for token in added}
        merged = {left + right for left, right in arguments["merges"]}
        for role, token in self.described.roles.items():
            if token in merged or len(token) == 1:
                raise UserError(f"{self.files}: {role}_token {token!r} is not supported: texts hold this entry")
        usual = [token for spellings in KNOWN_SPECIAL_TOKENS.values() for token in spellings if token not in merged]
        control = dict.fromkeys((*usual, *self.described.roles.values()))
        special = {token: vocabulary[token] for token in control if token in vocabulary and token not in apart}
        numbered = {**special, **{token.content: token.id for token in added if token.control}}
        names = self._names(numbered)
        try:
            tokenizer = BytePairTokenizer(
                vocabulary,
                arguments["merges"],
                special,
                add_prefix_space=arguments["add_prefix_space"],
                added_tokens=added,
                special_tokens_in_text=special_tokens_in_text,
                roles=_roles(names, numbered),
                **{name: arguments[name] for name in _OF_LANGUAGE_MODELS if name in arguments},
            )
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        return BytePairDirectory(tokenizer, self._around(tokenizer, names), self._trims_offsets())

    def _from_fast(self):
        path = self.files / FAST_FILE
        arguments = read_tokenizer_json(self.fast, path)
        found = arguments["add_prefix_space"]
        # The classes of GPT-2 and RoBERTa go by their own setting and not by the file's.
        wanted = found if self.cls in (*_PLAIN_CLASSES, None) else bool(self.config.get("add_prefix_space", False))
        if found != wanted:
            raise UserError(
                f"{path}: add_prefix_space {found} is not supported beside the {wanted} of {TOKENIZER_CONFIG_FILE}"
            )
        for name, (setting, usual) in _OF_LANGUAGE_MODELS.items() if self.cls in _TOKENS_OF_CLASS else ():
            if arguments[name] != usual:
                raise UserError(f"{path}: {setting} {arguments[name]!r} is not supported with class {self.cls}")
        return arguments

    def _from_slow(self):
        vocabulary_path, merges_path = self.files / VOCABULARY_FILE, self.files / MERGES_FILE
        return {
            "vocabulary": parse_json(read_file(vocabulary_path), vocabulary_path),
            "merges": parse_merges(read_file(merges_path), merges_path),
            "add_prefix_space": bool(self.config.get("add_prefix_space", False)),
        }

    def _names(self, special):
        """Special tokens by their parts; of those that the files name, all that have a number."""
        names = {}
        for role, token in self.described.roles.items():
            if token in special:
                names[role] = token
            elif self.described.names_role(role) and role in ("bos", "eos", "cls", "sep"):
                raise UserError(f"{self.path}: {role}_token {token!r} is not in the vocabulary")
        # Encoders whose class says nothing name what is around a text, as BERT does, by these parts alone.
        for role, other in (("bos", "cls"), ("eos", "sep")):
            if role not in names and other in names and self.cls in (*_PLAIN_CLASSES, None):
                names[role] = names[other]
        return names

    def _around(self, tokenizer, names):
        tokens, path = self._of_class(names), self.path
        if self.fast is not None:
            path = self.files / FAST_FILE
            ids = {token: number for number, token in enumerate(tokenizer.vocabulary)}
            said = tokens_around(self.fast.get("post_processor"), ids, path)
            # transformers 5 goes by the class, whatever the file says; other programs go by the file.
            if tokens is not None and tokens != said:
                settings = "add_bos_token and add_eos_token" if self._says_around() else f"class {self.cls}"
                raise UserError(
                    f"{path}: a post_processor with {said[0]} before and {said[1]} after a text is not supported "
                    f"beside {settings} in {TOKENIZER_CONFIG_FILE}, which stand for {tokens[0]} and {tokens[1]}"
                )
            tokens = said
        if tokens is None:
            return None
        begin, end = (
            [tokenizer.vocabulary[i] for i in (i,) if i is not None] for i in (tokenizer.bos_id, tokenizer.eos_id)
        )
        for around, expected in zip(AROUND, (([], []), (begin, []), (begin, end)), strict=True):
            if tokens == expected:
                return around
        settings = " (add_bos_token, add_eos_token)" if self._says_around() else ""
        if self.cls in (_ROBERTA, _BART):
            settings = " unless bos_token and eos_token are the same as cls_token and sep_token"
        raise UserError(f"{path}: {tokens[0]} before and {tokens[1]} after a text are not supported{settings}")

    def _says_around(self):
        return any(f"add_{role}_token" in self.config for role in ("bos", "eos"))

    def _of_class(self, names):
        """Tokens before and after a text by the class and tokenizer_config.json, two lists; None if they do not say."""
        if self.cls in (_ROBERTA, _BART):
            return [names.get("cls")], [names.get("sep")]
        if self._says_around() or (self.cls == _GPT2 and self.fast is None):
            return tuple([names.get(role)] * bool(self.config.get(f"add_{role}_token")) for role in ("bos", "eos"))
        return None

    def _trims_offsets(self):
        said = self.config.get("trim_offsets", True) if self.cls in (_ROBERTA, _BART) else True
        if self.fast is None:
            return bool(said)
        return bool(said) and trims_offsets(self.fast.get("post_processor"))


def _class_of_family(model_type):
    """The class of a family's tokenizers whose files name none, if it is one that does something of its own."""
    architecture = architecture_named(model_type)
    found = None if architecture is None else architecture.tokenizer_class
    return found if found in _TOKENS_OF_CLASS else None


def _roles(names, special):
    """The arguments `roles` of `BytePairTokenizer`, where its own choice would be another."""
    roles = {}
    for role in ("bos", "eos", "pad", "mask"):
        usual = next((token for token in KNOWN_SPECIAL_TOKENS[role] if token in special), None)
        if role == "pad" and usual is None:
            usual = names.get("eos")
        if role in names and names[role] != usual:
            roles[role] = names[role]
    return roles


def _of_size(entries, vocabulary_size):
    """The entries of a vocabulary that a model has, where only special tokens such as <mask> are beyond its end."""
    beyond = [token for token, token_id in entries.items() if token_id >= vocabulary_size]
    if any(not (token.startswith("<") and token.endswith(">")) for token in beyond):
        return entries
    return {token: token_id for token, token_id in entries.items() if token_id < vocabulary_size}
