"""Tokens added to the vocabulary of a Hugging Face directory, in all the files that may describe them."""

from collections.abc import Iterable, Mapping

from zoo.checkpoints.hugging_face.directory_files import (
    CONFIG_FILE,
    FAST_FILE,
    TOKENIZER_CONFIG_FILE,
    DirectoryFiles,
)
from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""Parts that a control token can play; tokenizer_config.json names that of `eos` as `eos_token`."""

_NAMES_FILE = "special_tokens_map.json"
_ADDED_FILE = "added_tokens.json"
ADDED_TOKENS_DECODER = "added_tokens_decoder"
_EXTRA, _ADDITIONAL, _NAMED = "extra_special_tokens", "additional_special_tokens", "model_specific_special_tokens"
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
        from_model_file: bool = False,
    ):
        """Reads the files.

        Args:
            directory: A Hugging Face directory.
            roles: Control tokens of the tokenizer's class, where the files do not name others.
            extra: Further special tokens of the class.
            swallowing: Parts whose tokens swallow the blanks before them where the files give only a spelling.
            from_model_file: Whether the vocabulary is that of a SentencePiece model, with no tokenizer.json beside it.
                transformers then takes no notice of `additional_special_tokens` in special_tokens_map.json.

        Raises:
            UserError: for damaged files, for `split_special_tokens`, and for a list of special tokens that leaves out
                some of the class, which are then none.
        """
        files = DirectoryFiles.of(directory)
        self.path = files / TOKENIZER_CONFIG_FILE
        config = files.json(TOKENIZER_CONFIG_FILE)
        names = files.json(_NAMES_FILE) if ADDED_TOKENS_DECODER not in config else {}
        self._said = {**config, **names}
        self._names_path, self._names = files / _NAMES_FILE, names
        if self._said.get("split_special_tokens"):
            raise UserError(f"{self.path}: split_special_tokens True is not supported; it must be False")
        self.roles = {
            **(roles or {}),
            **{role: _content(token, self.path) for role in ROLES if (token := self._said.get(f"{role}_token"))},
        }
        self._listed = self._find_lists(config, names, from_model_file)
        self._entries = {}
        fast = files.json(FAST_FILE).get("added_tokens") or []
        if ADDED_TOKENS_DECODER in config:
            numbered = config[ADDED_TOKENS_DECODER].items()
            self._take([{**_object(token, self.path), "id": int(number)} for number, token in numbered], self.path)
            self._check_fast(fast, files / FAST_FILE)
        else:
            self._take_added_file(files)
            self._take([_object(token, files / FAST_FILE) for token in fast], files / FAST_FILE)
        self._extra = [*self._further(), *extra]
        listed = {_content(token, self.path) for token in self._listed}
        lost = [token for token in extra if token not in {*listed, *self._entries}] if listed else []
        if lost:
            raise UserError(
                f"{self.path}: {_ADDITIONAL} (or {_EXTRA}) lacks {lost[0]!r}, which other programs then take for text; "
                "add it there"
            )
        self._swallowing = frozenset(swallowing)

    def _take(self, entries, path):
        for entry in sorted(entries, key=lambda entry: entry["id"]):
            unknown = entry.keys() - {"content", "id", "__type", *_FLAGS}
            if unknown or not isinstance(entry.get("content"), str):
                raise UserError(f"{path}: added token {entry!r} is damaged; copy the file again")
            self._entries[entry["content"]] = entry

    def _take_added_file(self, files):
        path = files / _ADDED_FILE
        special = {*self.roles.values(), *(_content(token, path) for token in self._further())}
        entries = [
            {"content": content, "id": number, "special": content in special}
            for content, number in files.json(_ADDED_FILE).items()
        ]
        self._take(entries, path)

    def _check_fast(self, fast, path):
        lost = [token["content"] for token in fast if token["content"] not in self._entries]
        lost = [content for content in lost if content not in self.roles.values()]
        if lost:
            raise UserError(
                f"{path}: the added token {lost[0]!r} is not in {ADDED_TOKENS_DECODER} of {TOKENIZER_CONFIG_FILE}, "
                "which other programs take for the whole list; add it there, or remove that key"
            )

    def names_role(self, role) -> bool:
        """Whether the files themselves name the token of a part."""
        return bool(self._said.get(f"{role}_token"))

    def path_of_role(self, role):
        """The file that names the token of a part."""
        return self._names_path if self._names.get(f"{role}_token") else self.path

    def _find_lists(self, config, names, from_model_file):
        """Special tokens that lists in the files name, as far as transformers takes notice of them."""
        listed = [] if isinstance(config.get(_EXTRA), Mapping) else [*(config.get(_EXTRA) or [])]
        self._ignored = []

        def add(tokens, path):
            if listed:
                self._ignored += [(_content(token, path), path) for token in tokens]
            else:
                listed.extend(tokens)

        add(config.get(_ADDITIONAL) or [], self.path)
        listed += [] if isinstance(names.get(_EXTRA), Mapping) else names.get(_EXTRA) or []
        further = names.get(_ADDITIONAL) or []
        if from_model_file:
            self._ignored += [(_content(token, self._names_path), self._names_path) for token in further]
        else:
            add(further, self._names_path)
        return listed

    def _further(self):
        """Special tokens without a part to play, str or dict."""
        found = [*self._listed]
        for key in (_EXTRA, _NAMED):
            tokens = self._said.get(key)
            found += tokens.values() if isinstance(tokens, Mapping) else []
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
        for content, path in self._ignored:
            if content not in ids and content not in entries:
                raise UserError(
                    f"{path}: {_ADDITIONAL} names {content!r}, of which other programs take no notice there; add it to "
                    f"{ADDED_TOKENS_DECODER} of {TOKENIZER_CONFIG_FILE}, or remove it"
                )
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
    rows = DirectoryFiles.of(directory).json(CONFIG_FILE).get("vocab_size")
    return rows if isinstance(rows, int) else None


def described_tokens_of(tokenizer) -> dict[str, dict]:
    """What `added_tokens_decoder` of tokenizer_config.json holds of a tokenizer's control tokens and added tokens."""
    control = [AddedToken(token, tokenizer.token_to_id(token), control=True) for token in tokenizer.control_tokens]
    tokens = {token.content: token for token in (*control, *tokenizer.added_tokens)}
    return described_tokens(sorted(tokens.values(), key=lambda token: token.id))


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
