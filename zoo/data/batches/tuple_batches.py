"""Batches of examples of several texts each, as losses over the vectors of a whole batch want them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.data.batches.batch_position import check_batch_position
from zoo.data.batches.batch_stream import BatchStream
from zoo.data.batches.distinct_batches import distinct_batches
from zoo.data.batches.encoded_pairs import TokenRows
from zoo.data.batches.length_buckets import bucket_lengths, num_buckets
from zoo.errors import UserError


class TupleBatches:
    """Batches of `batch_size` examples of K texts, in an order that (seed, epoch) alone decides.

    Args:
        token_ids: Sequences of token ids, special ones included, of every text that examples are made of.
        examples: int [N, K]: for each example the numbers of its texts in `token_ids`, from 0.
        labels: float [N] or [N, E], what the loss compares with; zeros [N] if None.
        keys: For each example a set; no two examples of a batch have a key in common, so that what is right for one is
            never taken for wrong for the other. Some batches may be smaller for that. None for any.
        pad_id: Token id of padding.
        batch_size: Examples of a batch.
        max_length: Longest text; every text must fit.
        seed: int >= 0.
        shuffle: False keeps the order of the examples, for validation.
        fixed_rows: Whether batches are filled up with examples of weight 0 and their texts padded to one width, so that
            a compiler sees few shapes.
        length_multiple: Lengths are rounded up to multiples of this, but not beyond `max_length`.

    Raises:
        UserError: for no examples and a batch size below 1.

    Example:
        >>> texts = [[2, 7, 3], [2, 3], [2, 8, 3]]
        >>> batches = TupleBatches(texts, [[0, 1], [2, 1]], pad_id=0, batch_size=2, max_length=8)
        >>> for x, labels, weights in batches.epoch(0): ...
    """

    def __init__(
        self,
        token_ids: Any,
        examples: Any,
        labels: Any = None,
        keys: Any = None,
        *,
        pad_id: int,
        batch_size: int,
        max_length: int,
        seed: int = 0,
        shuffle: bool = True,
        fixed_rows: bool = False,
        length_multiple: int = 8,
    ):
        self._examples = np.asarray(examples)
        if not len(self._examples):
            raise UserError("there are no examples: the data is empty or every example was left out")
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size} must be at least 1")
        self._token_ids = TokenRows.from_sequences(token_ids)
        longest = int(self._token_ids.lengths.max())
        if longest > max_length:
            raise UserError(f"a text has {longest} tokens, more than max_length={max_length}")
        self._labels = np.zeros(len(self._examples)) if labels is None else np.asarray(labels)
        self._keys = keys
        self._pad_id, self._batch_size, self._max_length = pad_id, batch_size, max_length
        self._seed, self._shuffle, self._fixed_rows = seed, shuffle, fixed_rows
        self._length_multiple = length_multiple

    def __len__(self):
        return len(self._examples)

    def num_batches(self, epoch: int = 0) -> int:
        """Number of batches of an epoch; with keys in common it may differ a little from epoch to epoch."""
        return -(-len(self) // self._batch_size) if self._keys is None else len(self._plan(epoch)[1])

    @property
    def most_shapes(self) -> int | None:
        """Most shapes that batches have, for a compiler; None without `fixed_rows`."""
        return num_buckets(int(self._token_ids.lengths.max()), self._length_multiple) if self._fixed_rows else None

    def epoch(self, epoch: int, skip_batches: int = 0) -> Iterator[Any]:
        """Iterates over the batches of one epoch.

        Args:
            epoch: int >= 0; with `shuffle=False` it makes no difference.
            skip_batches: Number of batches to leave out at the start.

        Yields:
            (x, labels, weights): x is a dict of int32 arrays "token_ids_k" and "padding_mask_k" [B, S] (1 for real
            tokens) for each text k; labels float32 [B] or [B, E]; weights float32 [B].

        Raises:
            UserError: when the epoch has fewer than `skip_batches` batches.
        """
        examples, plan = self._plan(epoch)
        check_batch_position(skip_batches, epoch, len(plan))
        for numbers in plan[skip_batches:]:
            yield self._batch(examples, numbers)

    def examples(self, epoch: int, batch: int) -> np.ndarray:
        """Which examples a batch has, int [B], counted from 0; see `PairBatches.examples`."""
        return self._plan(epoch)[1][batch]

    def stream(self, start_epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Returns a `BatchStream`: the batches of all epochs without end, from the given position on."""
        return BatchStream(self, start_epoch, start_batch)

    def _plan(self, epoch):
        """The examples of an epoch, int [N, K], and the numbers of those of each batch."""
        order = np.arange(len(self))
        rng = np.random.default_rng([self._seed, epoch if self._shuffle else 0])
        if self._shuffle:
            rng.shuffle(order)
        return self._made(rng), self._cut(order)

    def _made(self, rng):
        return self._examples

    def _cut(self, order):
        if self._keys is not None:
            return distinct_batches(order.tolist(), self._keys, self._batch_size)
        return [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]

    def _batch(self, examples, numbers):
        texts = examples[numbers]
        count = self._batch_size if self._fixed_rows else len(numbers)
        lengths = self._token_ids.lengths[texts]
        longest = lengths.max(axis=0)
        x = {}
        for place in range(texts.shape[1]):
            width = longest.max() if self._fixed_rows else longest[place]
            width = int(bucket_lengths(max(int(width), 1), self._length_multiple, self._max_length))
            real = np.zeros((count, width), bool)
            real[: len(numbers)] = np.arange(width) < lengths[:, place, None]
            token_ids = np.full((count, width), self._pad_id, np.int32)
            token_ids[real] = self._token_ids.gather(texts[:, place])
            x[f"token_ids_{place}"], x[f"padding_mask_{place}"] = token_ids, real.astype(np.int32)
        labels = np.zeros((count, *self._labels.shape[1:]), np.float32)
        labels[: len(numbers)] = self._labels[numbers]
        weights = np.zeros(count, np.float32)
        weights[: len(numbers)] = 1.0
        return x, labels, weights
