"""Byte-level BPE tokenizers of Hugging Face directories, in and out: GPT-2's, RoBERTa's and BART's."""

import json
from pathlib import Path
from typing import NamedTuple

from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer
from zoo.tokenizers.byte_pair_files import (
    MERGES_FILE,
    VOCABULARY_FILE,
    merges_content,
    parse_json,
    parse_merges,
    read_file,
    vocabulary_content,
)
from zoo.tokenizers.byte_pair_tokenizer_json import read_tokenizer_json
from zoo.tokenizers.byte_pair_vocabulary import KNOWN_SPECIAL_TOKENS

FAST_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
_NAMES_FILE = "special_tokens_map.json"
_ADDED_FILE = "added_tokens.json"

_GPT2, _ROBERTA, _BART = "GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer"
# Classes that do nothing of their own: tokenizer.json says everything.
_PLAIN_CLASSES = ("PreTrainedTokenizer", "TokenizersBackend")
# What AutoTokenizer takes for the type of a model where the tokenizer's files name no class.
_CLASS_OF_MODEL = {"gpt2": _GPT2, "roberta": _ROBERTA, "bart": _BART}
_ROBERTA_TOKENS = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "mask": "<mask>"}
_TOKENS_OF_CLASS = {
    _GPT2: {"bos": "<|endoftext|>", "eos": "<|endoftext|>"},
    _ROBERTA: _ROBERTA_TOKENS,
    _BART: _ROBERTA_TOKENS,
}
_ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# Key of tokenizer_config.json: the values that change no token and no text. Any other is refused.
_ONLY = {
    "errors": ("replace",),
    "do_lower_case": (False,),
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": (False,),
}
AROUND = ("none", "begin", "both")
"""The special tokens that a tokenizer puts around a text: none, one before it, or one before and one after it."""


class BytePairDirectory(NamedTuple):
    """What the tokenizer files of a directory describe.

    Attributes:
        tokenizer: The `BytePairTokenizer`, which itself puts nothing around a text.
        around: One of `AROUND`, what transformers' tokenizer puts there; None if the files do not say.
    """

    tokenizer: BytePairTokenizer
    around: str | None


def is_byte_pair(directory):
    """Whether a directory's tokenizer is a byte-pair one: tokenizer.json decides, else the other files that there are.

    Raises:
        UserError: for a damaged tokenizer.json.
    """
    directory = Path(directory)
    if (directory / FAST_FILE).is_file():
        model = _read(directory / FAST_FILE).get("model")
        return isinstance(model, dict) and model.get("type", "BPE" if "merges" in model else None) == "BPE"
    return all((directory / name).is_file() for name in (VOCABULARY_FILE, MERGES_FILE))


def read_byte_pair(directory, special_tokens_in_text=(), vocabulary_size=None):
    """Reads the byte-pair tokenizer of a directory: tokenizer.json, or vocab.json and merges.txt.

    Special tokens are those that tokenizer.json, tokenizer_config.json, special_tokens_map.json or added_tokens.json
    name, and of the usual ones those that the vocabulary has. A padding or mask token that has no number is left out.

    Args:
        directory: A Hugging Face directory.
        special_tokens_in_text: See `BytePairTokenizer`.
        vocabulary_size: Of the model. Special tokens at the end of the vocabulary that the model lacks are left out,
            such as the <mask> of bart-large-cnn. None leaves out nothing.

    Returns:
        A `BytePairDirectory`.

    Raises:
        UserError: for missing or damaged files, other kinds of tokenizers, and options that cannot be followed exactly,
            by name.
    """
    return _Reader(Path(directory)).read(special_tokens_in_text, vocabulary_size)


def byte_pair_files(tokenizer, around=None):
    """The files that `read_byte_pair` and transformers read a `BytePairTokenizer` from.

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
        for role in _ROLES
        for token_id in (getattr(tokenizer, f"{role}_id"),)
    }
    # Their classes would add a token of their own to the vocabulary if none is named.
    tokens["unk"] = tokens["unk"] or tokens["eos"]
    options = {"tokenizer_class": _ROBERTA if around == "both" else _GPT2}
    if around != "both":
        del tokens["cls"], tokens["sep"]
        options["add_bos_token"] = around == "begin"
    plain = {"rstrip": False, "single_word": False, "normalized": False, "special": True}
    config = {
        **options,
        "add_prefix_space": tokenizer.add_prefix_space,
        "errors": "replace",
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": token for role, token in tokens.items()},
        "added_tokens_decoder": {
            str(token_id): {"content": token, "lstrip": token in tokenizer.lstrip_tokens, **plain}
            for token, token_id in tokenizer.special_tokens.items()
        },
    }
    return {
        VOCABULARY_FILE: vocabulary_content(tokenizer.vocabulary),
        MERGES_FILE: merges_content(tokenizer.merges),
        CONFIG_FILE: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
    }


class _Reader:
    def __init__(self, directory):
        self.directory, self.path = directory, directory / CONFIG_FILE
        self.config = _optional(self.path)
        self.described = self._described()
        for key, values in _ONLY.items():
            if self.config.get(key) not in (*values, None):
                raise UserError(f"{self.path}: {key} {self.config[key]!r} is not supported; it must be {values[0]!r}")
        named = self.config.get("tokenizer_class") or _optional(directory / "config.json").get("tokenizer_class")
        model_type = _optional(directory / "config.json").get("model_type")
        self.cls = named.removesuffix("Fast") if isinstance(named, str) else _CLASS_OF_MODEL.get(model_type)
        if self.cls not in (*_TOKENS_OF_CLASS, *_PLAIN_CLASSES, None):
            known = ", ".join((*_TOKENS_OF_CLASS, *_PLAIN_CLASSES))
            raise UserError(f"{self.path}: tokenizer_class {named!r} is not supported; supported are {known}")
        self.fast = None
        if (directory / FAST_FILE).is_file():
            self.fast = _read(directory / FAST_FILE)

    def read(self, special_tokens_in_text, vocabulary_size):
        """The `BytePairDirectory`."""
        arguments = self._from_fast() if self.fast is not None else self._from_slow()
        path = self.directory / (VOCABULARY_FILE if self.fast is None else FAST_FILE)
        vocabulary, special = arguments["vocabulary"], arguments["special_tokens"]
        if vocabulary_size is not None:
            vocabulary, special = (_of_size(entries, vocabulary_size) for entries in (vocabulary, special))
        merged = {left + right for left, right in arguments["merges"]}
        usual = [token for spellings in KNOWN_SPECIAL_TOKENS.values() for token in spellings if token not in merged]
        for token in (*usual, *self._tokens_named()):
            if token in vocabulary:
                special.setdefault(token, vocabulary[token])
        lstrip = [token for token in arguments["lstrip_tokens"] if token in special]
        names = self._names(special)
        try:
            tokenizer = BytePairTokenizer(
                vocabulary,
                arguments["merges"],
                special,
                add_prefix_space=arguments["add_prefix_space"],
                lstrip_tokens=lstrip,
                special_tokens_in_text=special_tokens_in_text,
                roles=_roles(names, special),
            )
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        return BytePairDirectory(tokenizer, self._around(tokenizer, names))

    def _from_fast(self):
        path = self.directory / FAST_FILE
        arguments = read_tokenizer_json(path)
        found = arguments["add_prefix_space"]
        # The classes of GPT-2 and RoBERTa go by their own setting and not by the file's.
        wanted = found if self.cls in (*_PLAIN_CLASSES, None) else bool(self.config.get("add_prefix_space", False))
        if found != wanted:
            raise UserError(f"{path}: add_prefix_space {found} is not supported beside the {wanted} of {CONFIG_FILE}")
        return arguments

    def _from_slow(self):
        vocabulary_path, merges_path = self.directory / VOCABULARY_FILE, self.directory / MERGES_FILE
        added = self.config.get("added_tokens_decoder")
        special, lstrip = {}, []
        if added is not None:
            for token_id, token in added.items():
                special[self._content(token)] = int(token_id)
                lstrip += [token["content"]] * bool(isinstance(token, dict) and token.get("lstrip"))
        else:
            special = _optional(self.directory / _ADDED_FILE)
            plain = sorted(special.keys() - set(self._tokens_named()))
            if plain:
                raise UserError(
                    f"{self.directory / _ADDED_FILE}: {plain[0]!r} is no special token, which is not supported"
                )
            tokens = self.described.values()
            lstrip = [token["content"] for token in tokens if isinstance(token, dict) and token.get("lstrip")]
            mask = self.described.get("mask_token", _ROBERTA_TOKENS["mask"])
            # So it was when these files were written, whether or not they say it.
            if self.cls in (_ROBERTA, _BART) and isinstance(mask, str):
                lstrip.append(mask)
        return {
            "vocabulary": parse_json(read_file(vocabulary_path), vocabulary_path),
            "merges": parse_merges(read_file(merges_path), merges_path),
            "special_tokens": special,
            "add_prefix_space": bool(self.config.get("add_prefix_space", False)),
            "lstrip_tokens": lstrip,
        }

    def _described(self):
        """What the files say of special tokens by name, such as "eos_token": strings or objects."""
        names = _optional(self.directory / _NAMES_FILE) if "added_tokens_decoder" not in self.config else {}
        both = {**self.config, **names}
        return {f"{role}_token": both[f"{role}_token"] for role in _ROLES if both.get(f"{role}_token") is not None} | {
            key: both[key] for key in ("additional_special_tokens", "extra_special_tokens") if both.get(key)
        }

    def _tokens_named(self):
        """Every special token that the files name."""
        found = []
        for key, value in self.described.items():
            tokens = [value] if key.endswith("_token") else value.values() if isinstance(value, dict) else value
            found += [self._content(token) for token in tokens]
        return found

    def _content(self, token):
        """A special token as a str; files may describe it by an object."""
        if isinstance(token, str):
            return token
        if not isinstance(token, dict) or not isinstance(token.get("content"), str):
            raise UserError(f"{self.path}: special token {token!r} is damaged; copy the file again")
        for key, wanted in (("rstrip", False), ("single_word", False), ("special", True)):
            if token.get(key, wanted) is not wanted:
                raise UserError(f"{self.path}: {key} {token[key]} of the token {token['content']!r} is not supported")
        return token["content"]

    def _names(self, special):
        """Special tokens by their parts; of those that the files name, all that have a number."""
        names = {role: token for role, token in _TOKENS_OF_CLASS.get(self.cls, {}).items() if token in special}
        for role in _ROLES:
            if f"{role}_token" in self.described:
                token = self._content(self.described[f"{role}_token"])
                if token in special:
                    names[role] = token
                elif role in ("bos", "eos", "cls", "sep"):
                    raise UserError(f"{self.path}: {role}_token {token!r} is not in the vocabulary")
        return names

    def _around(self, tokenizer, names):
        path = self.path
        if self.fast is not None:
            path = self.directory / FAST_FILE
            tokens = _tokens_around(self.fast.get("post_processor"), path)
        elif self.cls in (_ROBERTA, _BART):
            tokens = [names.get("cls")], [names.get("sep")]
        elif self.cls == _GPT2:
            begins, ends = (self.config.get(f"add_{role}_token", False) for role in ("bos", "eos"))
            tokens = [names.get("bos")] * bool(begins), [names.get("eos")] * bool(ends)
        else:
            return None
        begin, end = (
            [tokenizer.vocabulary[i] for i in (i,) if i is not None] for i in (tokenizer.bos_id, tokenizer.eos_id)
        )
        for around, expected in zip(AROUND, (([], []), (begin, []), (begin, end)), strict=True):
            if tokens == expected:
                return around
        raise UserError(f"{path}: {tokens[0]} before and {tokens[1]} after a text are not supported")


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


def _tokens_around(processor, path):
    """The tokens that a post-processor of tokenizer.json puts before and after a text, two lists."""
    several = processor["processors"] if processor and processor.get("type") == "Sequence" else [processor]
    # This one is about offsets.
    several = [part for part in several if part is not None and part.get("type") != "ByteLevel"]
    if not several:
        return [], []
    kind = several[0].get("type")
    if len(several) == 1 and kind == "RobertaProcessing":
        return [several[0]["cls"][0]], [several[0]["sep"][0]]
    if len(several) == 1 and kind == "TemplateProcessing":
        pieces = [piece.get("SpecialToken", {}).get("id") for piece in several[0]["single"]]
        text = pieces.index(None)
        return pieces[:text], pieces[text + 1 :]
    raise UserError(f"{path}: post_processor {kind!r} is not supported, only RobertaProcessing and TemplateProcessing")


def _of_size(entries, vocabulary_size):
    """The entries of a vocabulary that a model has, where only special tokens such as <mask> are beyond its end."""
    beyond = [token for token, token_id in entries.items() if token_id >= vocabulary_size]
    if any(not (token.startswith("<") and token.endswith(">")) for token in beyond):
        return entries
    return {token: token_id for token, token_id in entries.items() if token_id < vocabulary_size}


def _read(path):
    return parse_json(read_file(path), path)


def _optional(path):
    """A file's JSON object, empty if the file is not there."""
    return _read(path) if path.is_file() else {}
