"""Texts as tokens for training, cut as a task cuts them, and a count of those that were cut."""

import numpy as np

from recipes.sequence_to_sequence import token_arrays


class EncodedTexts:
    """Tokens of texts as the model reads them, cut to its length, and how many were cut.

    Args:
        tokenizer: A `zoo.tokenizers.Tokenizer`.
        before: Token ids that stand before each text.
        longest: Most tokens of a text with those before and after it; None for any number.
        after: Number of tokens that batches put after each text: its end token, or a separator.

    Attributes:
        cut: Texts that were cut, and all texts, of those read so far.
    """

    def __init__(self, tokenizer, before, longest, after=1):
        self._tokenizer, self._before = tokenizer, np.array(before, np.int32)
        self._room = None if longest is None else longest - len(before) - after
        self.cut = [0, 0]

    def __call__(self, texts):
        """Tokens of texts, a list of int32 arrays."""
        rows = token_arrays(self._tokenizer, texts)
        if self._room is not None:
            self.cut[0] += sum(len(row) > self._room for row in rows)
            self.cut[1] += len(rows)
            rows = [row[: self._room] for row in rows]
        return [np.concatenate([self._before, row]).astype(np.int32) for row in rows]
