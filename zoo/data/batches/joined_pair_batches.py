"""Batches of text pairs joined to rows `source separator target end`, for a decoder alone that learns to go on."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.data.batches.length_buckets import bucket_lengths, num_buckets
from zoo.data.batches.pair_batches import PairBatches
from zoo.errors import UserError


class JoinedPairBatches(PairBatches):
    """`PairBatches` whose pairs are rows of one sequence: source, separator, target and end token.

    The model reads a row and predicts the token after each place; only the tokens of the target and the end token
    count. A batch of B rows and T places holds `B * T <= batch_size_tokens`; T is a multiple of `length_multiple`, or
    the greatest length of all, `max_source_length + max_target_length - 1`: nobody reads the end token. Order,
    shuffling and filtering are those of `PairBatches`.

    Args:
        pairs, encode_source, encode_target: As of `PairBatches`.
        separator_ids: Token ids between source and target, at least one.
        eos_id, pad_id: Ids of the end token and of padding.
        batch_size_tokens: Most places of a batch.
        max_source_length: Longest source with the separator; longer pairs are dropped.
        max_target_length: Longest target with the end token; longer pairs are dropped.
        options: As of `PairBatches`.

    Raises:
        UserError: As `PairBatches`.

    Example:
        >>> batches = JoinedPairBatches([("7 8", "5")], encode, encode, separator_ids=[1], eos_id=2, pad_id=0,
        ...                             batch_size_tokens=64, max_source_length=9, max_target_length=9)
        >>> for x, labels, weights in batches.epoch(0):
        ...     print(x["token_ids"], labels, weights)
        [[7 8 1 5 0 0 0 0]] [[8 1 5 2 0 0 0 0]] [[0. 0. 1. 1. 0. 0. 0. 0.]]
    """

    def __init__(
        self,
        pairs: Any,
        encode_source: Any,
        encode_target: Any,
        *,
        separator_ids: Any,
        eos_id: int,
        pad_id: int,
        batch_size_tokens: int,
        max_source_length: int,
        max_target_length: int,
        **options: Any,
    ):
        self._separator_ids = np.array(separator_ids, np.int32)
        if not self._separator_ids.size:
            raise UserError("separator_ids is empty: without a separator a model cannot tell where a source ends")
        self._max_joined_length = max_source_length + max_target_length - 1
        if batch_size_tokens < self._max_joined_length:
            raise UserError(
                f"batch_size_tokens={batch_size_tokens} is less than the {self._max_joined_length} places of the "
                "longest row; raise batch_size_tokens or lower max_source_length or max_target_length"
            )
        super().__init__(
            pairs,
            encode_source,
            encode_target,
            bos_id=separator_ids[-1],
            eos_id=eos_id,
            pad_id=pad_id,
            batch_size_tokens=batch_size_tokens,
            # `PairBatches` counts one special token of a source.
            max_source_length=max_source_length - self._separator_ids.size + 1,
            max_target_length=max_target_length,
            **options,
        )

    def epoch(self, epoch: int, skip_batches: int = 0) -> Iterator[tuple[dict, Any, Any]]:
        """Iterates over the batches of one epoch.

        Args:
            epoch: int >= 0; with `shuffle=False` it makes no difference.
            skip_batches: Number of batches to leave out at the start; the others are those of `epoch(epoch)`.

        Yields:
            (x, labels, weights): x is a dict of int32 "token_ids" [B, T] (source, separator, target); labels is int32
            [B, T], the token that follows each; weights is float32 [B, T], 1 where that is of the target or the end
            token. Padding is pad_id and 0.

        Raises:
            UserError: When no pair is left, or the epoch has fewer than `skip_batches` batches.
        """
        return super().epoch(epoch, skip_batches)

    @property
    def most_shapes(self) -> int | None:
        """As of `PairBatches`."""
        return num_buckets(self._max_joined_length, self._length_multiple) if self._fixed_rows else None

    def _buckets(self, pool, rows=slice(None)):
        joined = pool.source.lengths[rows] + self._separator_ids.size + pool.target.lengths[rows]
        buckets = bucket_lengths(joined, self._length_multiple, self._max_joined_length)
        return buckets, buckets

    def _batch(self, pool, rows):
        width = int(self._buckets(pool, rows)[0].max())
        count = self._batch_size_tokens // width if self._fixed_rows else len(rows)
        sources, targets = (side.lengths[rows][:, None] for side in (pool.source, pool.target))
        # The label of the last place is one place further on.
        places = np.arange(width + 1)
        target_starts = sources + self._separator_ids.size
        ends = target_starts + targets
        joined = np.full((len(rows), width + 1), self._pad_id, np.int32)
        joined[places < sources] = pool.source.gather(rows)
        np.put_along_axis(joined, sources + np.arange(self._separator_ids.size), self._separator_ids[None], axis=1)
        joined[(places >= target_starts) & (places < ends)] = pool.target.gather(rows)
        np.put_along_axis(joined, ends, self._eos_id, axis=1)

        token_ids, labels = (np.full((count, width), self._pad_id, np.int32) for _ in range(2))
        weights = np.zeros((count, width), np.float32)
        real = places[:-1] < ends
        token_ids[: len(rows)] = np.where(real, joined[:, :-1], self._pad_id)
        labels[: len(rows)] = joined[:, 1:]
        weights[: len(rows)] = real & (places[:-1] >= target_starts - 1)
        self._real_tokens += int(real.sum())
        self._positions += token_ids.size
        return {"token_ids": token_ids}, labels, weights
