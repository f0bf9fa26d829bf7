"""What readers of tokens with tags share: the first pass, and texts with entities from sentences of tokens."""

import abc
from collections.abc import Iterator
from typing import NamedTuple

from zoo.data.readers.entities import Entity, EntityText
from zoo.data.readers.tag_schemes import TAG_SCHEMES, SchemeDetector, TagError, tags_to_spans
from zoo.data.readers.token_joiner import TOKEN_SEPARATORS, TokenJoiner, spelt
from zoo.errors import UserError

_FULL_NAMES: dict[str | None, str] = {"BIO": "BIO (IOB2)"}


class TaggedSentence(NamedTuple):
    """A sentence of a file.

    Attributes:
        tokens, tags: list of str, of the same length.
        places: "file:line" of each token, for messages.
        source: "file:line" of the sentence.
        text: The text that the file gives for the sentence; None if it gives none.
    """

    tokens: list[str]
    tags: list[str]
    places: list[str]
    source: str
    text: str | None = None


class TaggedSentences(abc.ABC):
    """A reader of sentences of tokens with one tag each.

    The scheme of the tags and how tokens are joined to texts are found out on a first pass over the file.

    Args:
        path: The file.
        scheme: One of `zoo.data.readers.tag_schemes.TAG_SCHEMES`; None to find it out.
        lenient: Whether sequences that break the scheme are read as the script conlleval reads them.
        token_separator: One of `zoo.data.readers.token_joiner.TOKEN_SEPARATORS`. With "auto" a text that the
            file gives beside the tokens of a sentence, and that they spell, is that sentence's text.

    Raises:
        UserError: For another scheme or separator.
    """

    def __init__(self, path, scheme, lenient, token_separator):
        if scheme is not None and scheme not in TAG_SCHEMES:
            raise UserError(f"there is no tag scheme {scheme!r}; the schemes are {', '.join(TAG_SCHEMES)}")
        if token_separator not in TOKEN_SEPARATORS:
            raise UserError(
                f"tokens cannot be separated by {token_separator!r}; give one of {', '.join(TOKEN_SEPARATORS)}"
            )
        self.path = path
        self.lenient = lenient
        self._given_scheme, self._scheme = scheme, None
        self._joiner = TokenJoiner(token_separator)
        self._given_texts = self._sentences = 0
        self._seen = False

    @abc.abstractmethod
    def _tagged(self) -> "Iterator[TaggedSentence]":
        """Yields each `TaggedSentence`."""

    @property
    def scheme(self):
        """The tag scheme: as given, or else as found out by reading the file. None where there are no tags."""
        self._see()
        return self._scheme

    @property
    def reading(self):
        """How the file is read, one line for the user: "train.conll: read as IOB1"."""
        name = _FULL_NAMES.get(self.scheme, self.scheme)
        scheme = "spans" if name is None else f"{name}{', leniently' if self.lenient else ''}"
        return "; ".join([f"{self.path}: read as {scheme}", *filter(None, self._remarks())])

    def _remarks(self):
        """What else the user should know about how the file is read, an iterable of str."""
        if self._given_texts:
            share = "" if self._given_texts == self._sentences else f" of {self._given_texts:,} sentences"
            yield f"texts{share} as the file gives them"
        if self._given_texts < self._sentences:
            yield self._joiner.description

    def _see(self):
        """The first pass, once."""
        if self._seen:
            return
        detector = SchemeDetector()
        for sentence in self._tagged():
            self._sentences += 1
            self._given_texts += self._given(sentence) is not None
            detector.see(sentence.tags, sentence.places)
            self._joiner.see(sentence.tokens)
        self._scheme = self._given_scheme or (self._detected(detector) if self._sentences else None)
        self._seen = True

    def _detected(self, detector):
        try:
            return detector.scheme()
        except UserError:
            # What conlleval makes of B- and I- does not depend on which of the two schemes it is.
            if self.lenient and not detector.has_ends:
                return "BIO"
            raise

    def _given(self, sentence):
        """(text, spans of the tokens) from the text that the file gives, or None."""
        if sentence.text is None or self._joiner.separator != "auto":
            return None
        spans = spelt(sentence.text, sentence.tokens)
        return None if spans is None else (sentence.text, spans)

    def _entity_text(self, sentence):
        """`EntityText` of a `TaggedSentence`."""
        scheme = self.scheme
        text, tokens = self._given(sentence) or self._joined(sentence)
        try:
            spans = tags_to_spans(sentence.tags, scheme, self.lenient)
        except TagError as error:
            raise UserError(f"{sentence.places[error.position]}: {error.problem}") from error
        return EntityText(
            text=text,
            entities=tuple(Entity(tokens[first][0], tokens[end - 1][1], label) for first, end, label in spans),
            tokens=tuple(tokens),
            source=sentence.source,
        )

    def _joined(self, sentence):
        if not self._joiner.allows_blank_tokens:
            for token, place in zip(sentence.tokens, sentence.places, strict=True):
                if token.isspace():
                    raise UserError(
                        f"{place}: the token is a blank; remove the line, or give the separator none "
                        "(--token-separator none) if blanks of the text are tokens throughout the file"
                    )
        return self._joiner.join(sentence.tokens)
