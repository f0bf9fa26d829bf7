"""Windows over a text that is longer than a model's context, for its perplexity."""

from typing import Any

import numpy as np

from zoo.errors import UserError


class StridedWindows:
    """Batches in which every token of a text is predicted once, from at least `block_length - stride` tokens before it.

    The first window begins with the text; each further one begins `stride` tokens later and predicts only what the one
    before did not reach. A small stride gives every token more context and takes more windows.

    Args:
        token_ids: The text, int array [T] without special tokens.
        begin_id: The token before the first, the end token for GPT-2.
        block_length: S, the most tokens that a window reads.
        stride: At least 1, at most `block_length`.
        batch_size: Windows of a batch.

    Raises:
        UserError: For a text without tokens and a stride that cannot be.

    Source: the strided evaluation of https://huggingface.co/docs/transformers/perplexity.

    Example:
        >>> windows = StridedWindows([5, 6, 7], begin_id=0, block_length=2, stride=1, batch_size=2)
        >>> [(x["token_ids"].tolist(), labels.tolist(), weights.tolist()) for x, labels, weights in windows]
        [([[0, 5], [5, 6]], [[5, 6], [6, 7]], [[1.0, 1.0], [0.0, 1.0]])]
    """

    def __init__(self, token_ids: Any, *, begin_id: int, block_length: int, stride: int, batch_size: int):
        self._tokens = np.concatenate([[begin_id], np.asarray(token_ids, np.int32)]).astype(np.int32)
        if len(self._tokens) == 1:
            raise UserError("there are no tokens to predict: the text is empty")
        if not 1 <= stride <= block_length:
            raise UserError(f"stride={stride} must be between 1 and the block length, {block_length}")
        self._block_length, self._stride, self._batch_size = block_length, stride, batch_size

    @property
    def num_tokens(self) -> int:
        """Tokens that are predicted."""
        return len(self._tokens) - 1

    def __iter__(self):
        """Yields (x, labels, weights) as `TokenBlocks` does."""
        length, total = self._block_length, self.num_tokens
        count = 1 + max(0, -(-(total - length) // self._stride))
        for first in range(0, count, self._batch_size):
            starts = np.arange(first, min(first + self._batch_size, count)) * self._stride
            places = starts[:, None] + np.arange(length)
            reached = np.where(starts > 0, starts + length - self._stride, 0)
            weights = (places >= reached[:, None]) & (places < total)
            inputs = self._tokens[np.minimum(places, total)]
            labels = self._tokens[np.minimum(places + 1, total)]
            yield {"token_ids": inputs}, labels, weights.astype(np.float32)
