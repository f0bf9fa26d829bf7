"""Batches of two answers to each prompt, a chosen and a rejected one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from zoo.data.batches.batch_position import check_batch_position
from zoo.data.batches.batch_stream import BatchStream
from zoo.data.batches.conversation_blocks import ConversationTokens
from zoo.data.batches.length_buckets import bucket_lengths
from zoo.errors import UserError

_MULTIPLE = 32


class PreferenceBatches:
    """Batches of pairs of texts of which answers are learned, in an order that (seed, epoch) alone decides.

    A pair of which a text is longer than `max_length` + 1 tokens is left out: cut answers are not those that somebody
    preferred.

    Args:
        pairs: For each preference the `ConversationTokens` of prompt and chosen answer, and of prompt and rejected one.
        batch_size: B, pairs of a batch; the last one of an epoch is filled up with pairs of weight 0.
        max_length: Tokens that a model reads at most.
        pad_id: Token id of padding.
        seed: int >= 0.
        shuffle: False keeps the order of the pairs, for validation.

    Attributes:
        num_left_out: Pairs that are too long.
        references: float32 [N, 2], what a reference model says of the texts, the labels of the batches; zeros at first.

    Raises:
        UserError: For no pair that is short enough.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[ConversationTokens, ConversationTokens]],
        *,
        batch_size: int,
        max_length: int,
        pad_id: int,
        seed: int = 0,
        shuffle: bool = True,
    ):
        self._pairs = [pair for pair in pairs if all(len(text.token_ids) <= max_length + 1 for text in pair)]
        self.num_left_out = len(pairs) - len(self._pairs)
        if not self._pairs:
            raise UserError(
                f"there is no preference to learn from: none has both texts within {max_length + 1} tokens; more are "
                "read with a larger context"
            )
        self._batch_size, self._max_length, self._pad_id = batch_size, max_length, pad_id
        self._seed, self._shuffle = seed, shuffle
        self.references = np.zeros((len(self._pairs), 2), np.float32)

    def __len__(self):
        return len(self._pairs)

    def num_batches(self, epoch: int = 0) -> int:
        """Number of batches of any epoch."""
        return -(-len(self) // self._batch_size)

    def epoch(self, epoch: int, skip_batches: int = 0) -> Iterator[tuple[dict[str, np.ndarray], Any, Any]]:
        """Iterates over the batches of one epoch.

        Args:
            epoch: int >= 0; with `shuffle=False` it makes no difference.
            skip_batches: Number of batches to leave out at the start.

        Yields:
            (x, labels, weights): x is a dict of arrays [B, 2, S], of the chosen and the rejected text: "token_ids" and
            the "labels" that follow, int32, and "learned", float32, 1 for labels of answers; labels float32 [B, 2] are
            the references; weights float32 [B].

        Raises:
            UserError: when the epoch has fewer than `skip_batches` batches.
        """
        total = self.num_batches(epoch)
        check_batch_position(skip_batches, epoch, total)
        order = np.arange(len(self))
        if self._shuffle:
            order = np.random.default_rng([self._seed, epoch]).permutation(order)
        yield from self._batches(order, skip_batches)

    def in_order(self) -> Iterator[tuple[dict[str, np.ndarray], Any, Any]]:
        """The batches of an epoch that is not shuffled."""
        return self._batches(np.arange(len(self)))

    def _batches(self, order, first=0):
        for index in range(first, self.num_batches()):
            yield self._batch(order[index * self._batch_size : (index + 1) * self._batch_size])

    def stream(self, start_epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Returns a `BatchStream`: the batches of all epochs without end, from the given position on."""
        return BatchStream(self, start_epoch, start_batch)

    def _batch(self, numbers):
        longest = max(len(text.token_ids) - 1 for number in numbers for text in self._pairs[number])
        width = int(bucket_lengths(longest, _MULTIPLE, self._max_length))
        shape = (self._batch_size, 2, width)
        token_ids, labels = (np.full(shape, self._pad_id, np.int32) for _ in range(2))
        learned = np.zeros(shape, np.float32)
        references = np.zeros((self._batch_size, 2), np.float32)
        references[: len(numbers)] = self.references[numbers]
        for row, number in enumerate(numbers):
            for place, text in enumerate(self._pairs[number]):
                length = len(text.token_ids) - 1
                token_ids[row, place, :length] = text.token_ids[:-1]
                labels[row, place, :length] = text.token_ids[1:]
                learned[row, place, :length] = text.learned[1:]
        weights = (np.arange(self._batch_size) < len(numbers)).astype(np.float32)
        return {"token_ids": token_ids, "labels": labels, "learned": learned}, references, weights
