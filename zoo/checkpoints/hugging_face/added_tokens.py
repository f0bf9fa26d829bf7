"""Tokens added to the vocabulary of a Hugging Face directory, in all the files that may describe them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_pair.files import parse_json, read_file

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""Parts that a control token can play; tokenizer_config.json names that of `eos` as `eos_token`."""

_FAST_FILE = "tokenizer.json"
_CONFIG_FILE = "tokenizer_config.json"
_NAMES_FILE = "special_tokens_map.json"
_ADDED_FILE = "added_tokens.json"
ADDED_TOKENS_DECODER = "added_tokens_decoder"
_EXTRA = ("additional_special_tokens", "extra_special_tokens")
_FLAGS = ("special", "lstrip", "rstrip", "single_word", "normalized")


class DescribedTokens:
    """What the files of a directory say of special and added tokens.

    Where they say it in several places, the ones that count are those that transformers 5 goes by: the key
    added_tokens_decoder of tokenizer_config.json; without it tokenizer.json, added_tokens.json and
    special_tokens_map.json. Then follow the tokens that have a part to play, and further special ones.

    Attributes:
        path: tokenizer_config.json.
        roles: Control tokens by their parts, such as "eos".
    """

    def __init__(
        self,
        directory,
        *,
        roles: Mapping[str, str] | None = None,
        extra: Iterable[str] = (),
        swallowing: Iterable[str] = (),
    ):
        """Reads the files.

        Args:
            directory: A Hugging Face directory.
            roles: Control tokens of the tokenizer's class, where the files do not name others.
            extra: Further special tokens of the class.
            swallowing: Parts whose tokens swallow the blanks before them where the files give only a spelling.

        Raises:
            UserError: for damaged files.
        """
        directory = Path(directory)
        self.path = directory / _CONFIG_FILE
        config = _optional(self.path)
        names = _optional(directory / _NAMES_FILE) if ADDED_TOKENS_DECODER not in config else {}
        self._said = {**config, **names}
        self.roles = {
            **(roles or {}),
            **{role: _content(token, self.path) for role in ROLES if (token := self._said.get(f"{role}_token"))},
        }
        self._entries = {}
        fast = _optional(directory / _FAST_FILE).get("added_tokens") or []
        if ADDED_TOKENS_DECODER in config:
            numbered = config[ADDED_TOKENS_DECODER].items()
            self._take([{**_object(token, self.path), "id": int(number)} for number, token in numbered], self.path)
            self._check_fast(fast, directory / _FAST_FILE)
        else:
            self._take_added_file(directory / _ADDED_FILE)
            self._take([_object(token, directory / _FAST_FILE) for token in fast], directory / _FAST_FILE)
        self._extra = [*self._further(), *extra]
        self._swallowing = frozenset(swallowing)

    def _take(self, entries, path):
        for entry in sorted(entries, key=lambda entry: entry["id"]):
            unknown = entry.keys() - {"content", "id", "__type", *_FLAGS}
            if unknown or not isinstance(entry.get("content"), str):
                raise UserError(f"{path}: added token {entry!r} is damaged; copy the file again")
            self._entries[entry["content"]] = entry

    def _take_added_file(self, path):
        special = {*self.roles.values(), *(_content(token, path) for token in self._further())}
        entries = [
            {"content": content, "id": number, "special": content in special}
            for content, number in _optional(path).items()
        ]
        self._take(entries, path)

    def _check_fast(self, fast, path):
        lost = [token["content"] for token in fast if token["content"] not in self._entries]
        lost = [content for content in lost if content not in self.roles.values()]
        if lost:
            raise UserError(
                f"{path}: the added token {lost[0]!r} is not in {ADDED_TOKENS_DECODER} of {_CONFIG_FILE}, which other "
                "programs take for the whole list; add it there, or remove that key"
            )

    def names_role(self, role) -> bool:
        """Whether the files themselves name the token of a part."""
        return bool(self._said.get(f"{role}_token"))

    def _further(self):
        """Special tokens without a part to play, str or dict."""
        found = []
        for key in _EXTRA:
            tokens = self._said.get(key) or []
            found += tokens.values() if isinstance(tokens, Mapping) else tokens
        parts = {f"{role}_token" for role in ROLES}
        found += [
            token
            for key, token in self._said.items()
            if key.endswith("_token") and key not in parts and isinstance(token, (str, dict)) and token
        ]
        return found

    def added(self, ids: Mapping[str, int], size: int, most: int | None = None) -> tuple[AddedToken, ...]:
        """The added tokens of a vocabulary.

        Args:
            ids: The vocabulary's own ids by entry.
            size: How many ids these are.
            most: Rows of the model's table of vectors. Special tokens that have none, such as a padding token that the
                model was not made larger for, are left out. None leaves out those that no file gives a number.

        Returns:
            `AddedToken` by id, but for control tokens of the vocabulary without any flag, which tokenizers know
            themselves. Those that the files give no number have the next ones, as in transformers.

        Raises:
            UserError: for a token whose number is not that of the vocabulary or the next.
        """
        entries = {content: dict(entry) for content, entry in self._entries.items()}
        for role, content in self.roles.items():
            token = self._said.get(f"{role}_token") or content
            lstrip = isinstance(token, str) and role in self._swallowing
            entries.setdefault(content, {"lstrip": lstrip, **_object(token, self.path), "special": True})
        for token in self._extra:
            entry = _object(token, self.path)
            entries.setdefault(entry["content"], {"special": True, **entry})
        control = set(self.roles.values())
        found, following = [], size
        for content, entry in entries.items():
            number = ids.get(content, following)
            following += content not in ids
            special = bool(entry.get("special", False)) or content in control
            if entry.get("id", number) != number:
                where = f"it has {number} in the vocabulary" if content in ids else f"{number} is next"
                raise UserError(
                    f"{self.path.parent}: added token {content!r} has id {entry['id']!r}, but {where}; other programs "
                    "number it otherwise than this file says"
                )
            # A number that a file gives counts even where the size of the model is not known.
            room = most if most is not None else number + (content in self._entries)
            if special and number >= max(size, room):
                continue
            flags = {flag: bool(entry.get(flag, False)) for flag in ("lstrip", "rstrip", "single_word")}
            normalized = bool(entry.get("normalized", not special))
            token = AddedToken(
                content, number, special=special, normalized=normalized, control=content in control, **flags
            )
            if content not in ids or token != AddedToken(content, number, control=True):
                found.append(token)
        return tuple(found)


def model_rows(directory):
    """`vocab_size` of config.json, or None."""
    rows = _optional(Path(directory) / "config.json").get("vocab_size")
    return rows if isinstance(rows, int) else None


def described_tokens(added_tokens: Iterable[AddedToken]) -> dict[str, dict]:
    """What `added_tokens_decoder` of tokenizer_config.json holds of tokens."""
    return {
        str(token.id): {"content": token.content, **{flag: getattr(token, flag) for flag in _FLAGS}}
        for token in added_tokens
    }


def _object(token, path):
    """A token as a dict; files may describe it by its spelling alone."""
    if isinstance(token, str):
        return {"content": token}
    if not isinstance(token, dict) or not isinstance(token.get("content"), str):
        raise UserError(f"{path}: special token {token!r} is damaged; copy the file again")
    return {key: value for key, value in token.items() if value is not None}


def _content(token, path):
    return _object(token, path)["content"]


def _optional(path):
    """A file's JSON object, empty if the file is not there."""
    return parse_json(read_file(path), path) if path.is_file() else {}
