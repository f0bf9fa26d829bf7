"""Texts split at added tokens, inside a graph."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.added_tokens.search import AddedTokenSearch
from zoo.tokenizers.byte_pair.characters import BLANKS
from zoo.tokenizers.text_parts import TextParts, whole_texts


class AddedTokenSplitter(tf.Module):
    """Finds added tokens as the `tokenizers` package's AddedVocabulary does.

    First the tokens that are not `normalized` are looked for in the text, from left to right, the longest first; then
    the others in the normalised text of each part in between, as if it stood alone.
    """

    def __init__(
        self,
        tokens: Sequence[AddedToken],
        normalize: Callable | None = None,
        blanks: str = BLANKS,
    ):
        """Creates the tables.

        Args:
            tokens: Which tokens to look for. Of several with one content the first counts.
            normalize: From string [P] to string [P]: what normalisation makes of each text. The texts that `split`
                gives are then normalised ones. None if there is no normalisation.
            blanks: Code points that `lstrip` and `rstrip` swallow, in ranges of hexadecimal numbers.
        """
        super().__init__(name="added_token_splitter")
        plain = [token for token in tokens if not token.normalized]
        normalized = [token for token in tokens if token.normalized]
        self._normalize = normalize
        contents = [token.content for token in normalized]
        if normalize is not None and normalized:
            with tf.init_scope():
                contents = [content.decode() for content in normalize(tf.constant(contents)).numpy()]
        self._plain = AddedTokenSearch(plain, [token.content for token in plain], blanks) if plain else None
        self._normalized = AddedTokenSearch(normalized, contents, blanks) if normalized else None

    def split(self, texts) -> TextParts:
        """Splits a batch.

        Args:
            texts: string [B], valid UTF-8.
        """
        parts = whole_texts(texts)
        if self._plain is not None:
            parts = self._plain.split(parts)
        if self._normalize is not None:
            parts = parts._replace(texts=self._normalize(parts.texts))
        return parts if self._normalized is None else self._normalized.split(parts)
