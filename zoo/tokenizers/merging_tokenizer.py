"""What tokenizers of merges have in common, on bytes or on characters."""

from typing import Any

from zoo.tokenizers.listed_vocabulary import ListedVocabularyTokenizer
from zoo.tokenizers.tokenizer import ADDED_TOKENS


class MergingTokenizer(ListedVocabularyTokenizer):
    """A tokenizer whose `_vocabulary` has `merges` too, and whose `_roles` are pairs of part and control token."""

    _roles: Any

    @property
    def merges(self) -> tuple[tuple[str, str], ...]:
        """Pairs of entries, by rank."""
        return self._vocabulary.merges

    @property
    def special_tokens(self) -> dict[str, int]:
        """Control tokens with their ids: those that text yields only if asked."""
        return {token: self.token_to_id(token) for token in self.control_tokens}

    @property
    def roles(self) -> dict[str, str]:
        """Control tokens by their parts, as given."""
        return dict(self._roles)

    def _rebuilt(self, added_tokens, special_tokens_in_text):
        options = {
            **self._options(),
            ADDED_TOKENS: added_tokens,
            "special_tokens_in_text": special_tokens_in_text,
        }
        return type(self)(self._vocabulary.tokens, self.merges, **options)
