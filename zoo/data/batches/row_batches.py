"""Batches of labelled token rows for encoders: token labels or row labels, padded, shuffled, grouped by length."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.data.batches.batch_position import check_batch_position
from zoo.data.batches.batch_stream import BatchStream
from zoo.data.batches.encoded_pairs import TokenRows
from zoo.data.batches.length_buckets import bucket_lengths, num_buckets
from zoo.errors import UserError

# Rows of similar length are looked for among this many batches at a time, so that batches stay random.
_POOL_BATCHES = 50


class RowBatches:
    """Batches of `batch_size` rows in an order that (seed, epoch) alone decides.

    Rows of similar lengths, found in random pools of 50 batches, share a batch, and the order of batches is shuffled.

    Args:
        token_ids: N sequences of token ids (lists or integer arrays), special tokens included.
        labels: N sequences of label ids, one for each token; or an array, int [N] or float [N, C], of one label or one
            vector of labels for each row.
        weights: Weights of the labels in the loss: N sequences of 0 and 1, one for each token, or float [N], or of the
            shape of the labels, for labels of rows. All ones if None.
        segment_ids: N sequences of the segments of the tokens; batches have none if None.
        pad_id: Token id of padding.
        batch_size: Rows of a batch; the last one of an epoch may have fewer.
        max_length: Longest row; every row must fit.
        example_ids: int [N], the example of the data that each row is from, counted from 0; 0 to N - 1 if None.
        label_weights: float [C], by which the weight of each label is multiplied; for labels that are ids.
        seed: int >= 0.
        shuffle: False keeps the order of the rows, for validation.
        fixed_rows: Whether the last batch is filled up with empty rows of weight 0. A compiler then sees few shapes.
        length_multiple: Lengths are rounded up to multiples of this, but not beyond `max_length`.

    Raises:
        UserError: For no rows, a row that is too long, and numbers that cannot be.

    Example:
        >>> batches = RowBatches([[2, 7, 3], [2, 3]], np.array([1, 0]), pad_id=0, batch_size=2, max_length=8)
        >>> for x, labels, weights in batches.epoch(0): ...
    """

    def __init__(
        self,
        token_ids: Any,
        labels: Any,
        weights: Any = None,
        *,
        segment_ids: Any = None,
        pad_id: int,
        batch_size: int,
        max_length: int,
        example_ids: Any = None,
        label_weights: Any = None,
        seed: int = 0,
        shuffle: bool = True,
        fixed_rows: bool = False,
        length_multiple: int = 8,
    ):
        for name, value, least in (("batch_size", batch_size, 1), ("length_multiple", length_multiple, 1)):
            if value < least:
                raise UserError(f"{name}={value} must be at least {least}")
        if not len(token_ids):
            raise UserError("there are no examples: the data is empty or every example was left out")
        self._token_ids = TokenRows.from_sequences(token_ids)
        longest = int(self._token_ids.lengths.max())
        if longest > max_length:
            raise UserError(f"a row has {longest} tokens, more than max_length={max_length}")
        self._labels: Any = labels if isinstance(labels, np.ndarray) else TokenRows.from_sequences(labels)
        self._per_token = isinstance(self._labels, TokenRows)
        if weights is None:
            weights = (
                [np.ones(n, np.int32) for n in self._token_ids.lengths] if self._per_token else np.ones(len(labels))
            )
        self._weights: Any = TokenRows.from_sequences(weights) if self._per_token else np.asarray(weights, np.float32)
        self._segment_ids = None if segment_ids is None else TokenRows.from_sequences(segment_ids)
        self._check_shapes()
        self._example_ids = np.arange(len(self)) if example_ids is None else np.asarray(example_ids)
        if self._example_ids.shape != (len(self),):
            raise ValueError(f"example_ids of shape {self._example_ids.shape} for {len(self)} rows")
        self._label_weights: Any = None if label_weights is None else np.asarray(label_weights, np.float32)
        self._pad_id, self._batch_size, self._max_length = pad_id, batch_size, max_length
        self._seed, self._shuffle, self._fixed_rows = seed, shuffle, fixed_rows
        self._length_multiple = length_multiple

    def _check_shapes(self):
        lengths = self._token_ids.lengths
        for name, column in (("labels", self._labels), ("weights", self._weights)):
            same = np.array_equal(column.lengths, lengths) if self._per_token else len(column) == len(lengths)
            if not same:
                raise ValueError(f"{name} do not have the shape of token_ids")
        if self._segment_ids is not None and not np.array_equal(self._segment_ids.lengths, lengths):
            raise ValueError("segment_ids do not have the shape of token_ids")

    def __len__(self):
        return len(self._token_ids.lengths)

    def num_batches(self, epoch: int = 0) -> int:
        """Number of batches of any epoch."""
        return -(-len(self) // self._batch_size)

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
            (x, labels, weights): x is a dict of int32 arrays "token_ids" [B, S], "padding_mask" [B, S] (1 for real
            tokens) and, where there are segments, "segment_ids" [B, S]; labels [B, S] with weights float32 [B, S], or
            labels [B] or [B, C] with weights float32 [B].

        Raises:
            UserError: when the epoch has fewer than `skip_batches` batches.
        """
        plan = self._plan(epoch)
        check_batch_position(skip_batches, epoch, len(plan))
        for rows in plan[skip_batches:]:
            yield self._batch(rows)

    def examples(self, epoch: int, batch: int) -> np.ndarray:
        """Which examples the rows of a batch are from, int [B], counted from 0; see `PairBatches.examples`."""
        return self._example_ids[self._plan(epoch)[batch]]

    def stream(self, start_epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Returns a `BatchStream`: the batches of all epochs without end, from the given position on."""
        return BatchStream(self, start_epoch, start_batch)

    def _plan(self, epoch):
        order = np.arange(len(self))
        if not self._shuffle:
            return self._cut(order)
        rng = np.random.default_rng([self._seed, epoch])
        rng.shuffle(order)
        pool = self._batch_size * _POOL_BATCHES
        batches = []
        for start in range(0, len(order), pool):
            rows = order[start : start + pool]
            batches += self._cut(rows[np.argsort(self._token_ids.lengths[rows], kind="stable")])
        return [batches[index] for index in rng.permutation(len(batches))]

    def _cut(self, order):
        return [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]

    def _batch(self, rows):
        lengths = self._token_ids.lengths[rows]
        width = int(bucket_lengths(lengths.max(initial=1), self._length_multiple, self._max_length))
        count = self._batch_size if self._fixed_rows else len(rows)
        real = np.zeros((count, width), bool)
        real[: len(rows)] = np.arange(width) < lengths[:, None]

        def padded(column, fill):
            filled = np.full((count, width), fill, np.int32)
            filled[real] = column.gather(rows)
            return filled

        x = {"token_ids": padded(self._token_ids, self._pad_id), "padding_mask": real.astype(np.int32)}
        if self._segment_ids is not None:
            x["segment_ids"] = padded(self._segment_ids, 0)
        if self._per_token:
            labels, weights = padded(self._labels, 0), padded(self._weights, 0).astype(np.float32)
        else:
            labels = np.zeros((count, *self._labels.shape[1:]), self._labels.dtype)
            labels[: len(rows)] = self._labels[rows]
            weights = np.zeros((count, *self._weights.shape[1:]), np.float32)
            weights[: len(rows)] = self._weights[rows]
        if self._label_weights is not None:
            weights = weights * self._label_weights[labels]
        return x, labels, weights
