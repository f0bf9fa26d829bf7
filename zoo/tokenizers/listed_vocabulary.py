"""Tokenizers whose vocabulary is a list of entries."""

from typing import Any

from zoo.tokenizers.tokenizer import Tokenizer


class ListedVocabularyTokenizer(Tokenizer):
    """A tokenizer with a `_vocabulary` that has `tokens` by id and `ids` by token, and added tokens beyond those."""

    _vocabulary: Any

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The entries by id, as the vocabulary spells them; special and added tokens as they are."""
        return (*self._vocabulary.tokens, *self._added.ids)

    def _spellings(self, ids):
        own, beyond = self._vocabulary.tokens, self._added.beyond
        return [own[i] if i < len(own) else beyond[i - len(own)].content for i in ids]

    def token_to_id(self, token: str) -> int:
        """The id of an entry, spelled as in the vocabulary; KeyError if there is no such entry."""
        own = self._vocabulary.ids
        return own[token] if token in own else self._added.ids[token]
