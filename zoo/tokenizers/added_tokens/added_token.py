"""Tokens added to a trained vocabulary, such as markers and placeholders: one id each, wherever they stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from zoo.errors import UserError


@dataclass(frozen=True)
class AddedToken:
    """One token that is looked for in a text before the text is split into pieces.

    The flags are those of the `tokenizers` package's class of this name.

    Attributes:
        content: What it is in a text.
        id: Its number.
        special: Whether decoding leaves it out.
        lstrip, rstrip: Whether it swallows the blanks before or after it.
        single_word: Whether it is found only where no letter, digit or underscore is its neighbour.
        normalized: Whether it is looked for in the normalised text, spelled as normalisation leaves it; in the text as
            it is otherwise.
        control: Whether it plays a part of its own (begin, end, separator, padding, mask, unknown), so that text
            yields it only if asked: nobody shall be able to end a model's input by writing the end token.
    """

    content: str
    id: int
    special: bool = True
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False
    normalized: bool = False
    control: bool = False


_FLAGS = tuple(field.name for field in fields(AddedToken) if field.name not in ("content", "id"))


class AddedTokens:
    """The checked tokens added to a vocabulary.

    An object of its own because TensorFlow looks through every list, tuple and dict that a module holds, entry by entry
    and many times, whenever the module is saved.

    Attributes:
        tokens: The tokens by id.
        beyond: Those whose ids come after the vocabulary's own, by id.
        read: Those that are looked for in texts.
        control: Spellings of the tokens that are looked for only if asked.
        in_text: Those of them among `read`.
    """

    def __init__(
        self,
        tokens: Iterable[AddedToken | Mapping],
        ids: Mapping[str, int],
        size: int,
        control: Sequence[str] = (),
        in_text: Iterable[str] = (),
    ):
        """Checks and sorts the tokens.

        Args:
            tokens: `AddedToken`, or dicts of its attributes.
            ids: The vocabulary's own ids by entry.
            size: How many ids these are, from 0.
            control: Further control tokens, entries of the vocabulary, but for those that `tokens` says are none.
            in_text: Control tokens that are looked for in texts all the same.

        Raises:
            UserError: for a token that is empty, there twice, or numbered otherwise than the vocabulary says, for gaps
                between the numbers, and for `in_text` with what is no control token.
        """
        self.tokens = tuple(sorted((_token(given) for given in _listed("added_tokens", tokens)), key=lambda x: x.id))
        plain = {token.content for token in self.tokens if not token.control}
        control = [content for content in control if content not in plain]
        self.beyond = _beyond(self.tokens, ids, size)
        self.control = tuple(dict.fromkeys([*control, *(token.content for token in self.tokens if token.control)]))
        self.in_text = tuple(_listed("special_tokens_in_text", in_text))
        for content in self.in_text:
            if content not in self.control:
                listed = ", ".join(self.control) or "it has none"
                raise UserError(
                    f"special_tokens_in_text holds {content!r}, which is none of the special tokens: {listed}"
                )
        described = {token.content for token in self.tokens}
        self.read = (
            *(AddedToken(content, ids[content]) for content in self.in_text if content not in described),
            *(token for token in self.tokens if not token.control or token.content in self.in_text),
        )

    @property
    def ids(self) -> dict[str, int]:
        """The ids of the tokens that the vocabulary itself does not have."""
        return {token.content: token.id for token in self.beyond}

    @property
    def special(self) -> tuple[str, ...]:
        """Spellings of the tokens that decoding leaves out."""
        return tuple(token.content for token in self.tokens if token.special)

    def options(self) -> list[dict]:
        """Plain values for tokenizer.json, which the constructor reads."""
        return [asdict(token) for token in self.tokens]


def _listed(name, given):
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise UserError(f"{name} is {given!r}; use a list of tokens")
    return list(given)


def _token(given):
    if isinstance(given, Mapping):
        try:
            given = AddedToken(**given)
        except TypeError:
            raise UserError(f"added token {dict(given)!r} is damaged: its keys must be those of AddedToken") from None
    if not isinstance(given, AddedToken):
        raise UserError(f"added token {given!r} is no AddedToken")
    if not isinstance(given.content, str) or not given.content:
        raise UserError(f"added token {given.content!r} is not a string with text in it")
    if any("\ud800" <= character <= "\udfff" for character in given.content):
        raise UserError(f"added token {given.content!r} holds half of a surrogate pair, which UTF-8 cannot")
    if isinstance(given.id, bool) or not isinstance(given.id, int) or given.id < 0:
        raise UserError(f"added token {given.content!r} has id {given.id!r}; ids are 0, 1, 2 and so on")
    for name in _FLAGS:
        if not isinstance(getattr(given, name), bool):
            raise UserError(f"{name} of added token {given.content!r} is {getattr(given, name)!r}; use True or False")
    return given


def _beyond(tokens, ids, size):
    """The tokens that `ids` lacks, whose numbers must follow on without gaps."""
    seen, beyond = set(), []
    for token in tokens:
        if token.content in seen:
            raise UserError(f"added token {token.content!r} is there twice")
        seen.add(token.content)
        if token.content in ids:
            if ids[token.content] != token.id:
                raise UserError(
                    f"added token {token.content!r} has id {token.id}, but {ids[token.content]} in the vocabulary"
                )
            continue
        if token.id != size + len(beyond):
            raise UserError(
                f"added token {token.content!r} has id {token.id} where {size + len(beyond)} is next: ids follow those "
                f"of the vocabulary, which has {size} entries, without gaps"
            )
        beyond.append(token)
    return tuple(beyond)
