"""Texts split at added tokens, inside a graph."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.added_tokens.search import AddedTokenSearch
from zoo.tokenizers.byte_pair.characters import BLANKS
from zoo.tokenizers.text_parts import TextParts, whole_texts


class AddedTokenSplitter(tf.Module):
    """Finds added tokens as the `tokenizers` package's AddedVocabulary does.

    First the tokens that are not `normalized` are looked for in the text, from left to right, the longest first; then
    the others in the normalised text of each part in between, as if it stood alone.

    Attributes:
        tells: Whether texts that hold no token can be told before they are cleaned and normalised, by `may_split`.
    """

    def __init__(
        self,
        tokens: Sequence[AddedToken],
        normalize: Callable | None = None,
        blanks: str = BLANKS,
        sources: Callable | None = None,
        read: Callable | None = None,
    ):
        """Creates the tables.

        Args:
            tokens: Which tokens to look for. Of several with one content the first counts.
            normalize: From string [P] to string [P]: what normalisation makes of each text. The texts that `split`
                gives are then normalised ones. None if there is no normalisation.
            blanks: Code points that `lstrip` and `rstrip` swallow, in ranges of hexadecimal numbers.
            sources: From a list of normalised contents to a str of characters, of which a text must hold one for
                normalisation to leave any of the contents in it; empty if there are no such characters. None if it is
                not known how normalisation works.
            read: From string [P] to string [P]: what the parts beside control tokens stand for, in which other tokens
                are looked for after that; None for themselves.

        Raises:
            UserError: for a control token that is `normalized`, beside `read`.
        """
        super().__init__(name="added_token_splitter")
        plain = [token for token in tokens if not token.normalized]
        normalized = [token for token in tokens if token.normalized]
        self._control = None
        if read is not None:
            control = [token for token in plain if token.control]
            plain = [token for token in plain if not token.control]
            self._control = AddedTokenSearch(control, [token.content for token in control], blanks) if control else None
            for token in normalized:
                if token.control:
                    raise UserError(f"the control token {token.content!r} is normalized, so that users could write it")
        self._normalize, self._read = normalize, read
        contents = [token.content for token in normalized]
        if normalize is not None and normalized:
            with tf.init_scope():
                contents = [content.decode() for content in normalize(tf.constant(contents)).numpy()]
        self._plain = AddedTokenSearch(plain, [token.content for token in plain], blanks) if plain else None
        self._normalized = AddedTokenSearch(normalized, contents, blanks) if normalized else None
        patterns = [search.pattern for search in (self._control, self._plain) if search is not None]
        self.tells = read is None and not any("\ufffd" in token.content for token in tokens)
        if normalized and normalize is None:
            patterns.append(self._normalized.pattern)
        elif normalized:
            characters = sources(contents) if sources else ""
            # What is not valid UTF-8 becomes U+FFFD, of which a token may be made.
            self.tells = self.tells and characters != "" and "\ufffd" not in characters
            patterns.append("[" + "".join(rf"\x{{{ord(character):x}}}" for character in characters) + "]")
        # Any bytes, since texts need not be valid UTF-8 here.
        self._holds_a_token = rf"(?s)\C*(?:{'|'.join(patterns)})\C*"

    def may_split(self, texts) -> tf.Tensor:
        """Whether any text may hold a token, which takes less time than to look for them.

        Args:
            texts: string [B], valid UTF-8 or not.

        Returns:
            bool scalar; False only if `split` leaves the cleaned texts as they are. To be asked only if `tells`.
        """
        return tf.reduce_any(tf.strings.regex_full_match(texts, self._holds_a_token))

    def split(self, texts) -> TextParts:
        """Splits a batch.

        Args:
            texts: string [B], valid UTF-8.
        """
        parts = whole_texts(texts)
        if self._control is not None:
            parts = self._control.split(parts)
        if self._read is not None:
            parts = parts._replace(texts=self._read(parts.texts))
        if self._plain is not None:
            parts = self._plain.split(parts)
        if self._normalize is not None:
            parts = parts._replace(texts=self._normalize(parts.texts))
        return parts if self._normalized is None else self._normalized.split(parts)
