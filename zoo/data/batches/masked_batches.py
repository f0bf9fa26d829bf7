"""Batches for masked language modelling, with or without next-sentence prediction, masked anew each epoch."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.data.batches.batch_position import check_batch_position
from zoo.data.batches.batch_stream import BatchStream
from zoo.errors import UserError


class MaskedBatches:
    """Batches of rows of one width; (seed, epoch) alone decides their rows, order and masks.

    The last batch of an epoch, of each width, is filled up with empty rows of weight 0.

    Args:
        rows: `DocumentBlocks`, `LineRows`, or `SentencePairs` for next-sentence prediction.
        masking: `TokenMasking`.
        batch_size: Rows of a batch; of narrower ones as many as have no more positions than these. B below.
        seed: int >= 0.
        shuffle: False gives every epoch the same rows in the same order, with the same masks, for validation.

    Example:
        >>> batches = MaskedBatches(DocumentBlocks(documents, ...), TokenMasking(...), batch_size=32)
        >>> for x, labels, weights in batches.epoch(0): ...
    """

    def __init__(self, rows: Any, masking: Any, *, batch_size: int, seed: int = 0, shuffle: bool = True):
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size} must be at least 1")
        self._rows, self._masking = rows, masking
        self._batch_size, self._seed, self._shuffle = batch_size, seed, shuffle
        self._planned: tuple[int | None, Any, list] = (None, None, [])

    def num_batches(self, epoch: int = 0) -> int:
        """Number of batches of an epoch; next-sentence pairs differ in number from epoch to epoch, if little."""
        _, batches = self._plan(epoch)
        return len(batches)

    @property
    def most_shapes(self) -> int:
        """Most shapes that batches have, for a compiler."""
        plan, _ = self._plan(0)
        return len(np.unique(plan.widths))

    def padding_share(self, epoch: int = 0) -> float:
        """Share of the positions of an epoch's rows that is padding."""
        plan, _ = self._plan(epoch)
        return 1 - plan.num_positions / int(plan.widths.sum())

    def epoch(self, epoch: int, skip_batches: int = 0) -> Iterator[tuple[dict, Any, Any]]:
        """Iterates over the batches of one epoch.

        Args:
            epoch: int >= 0.
            skip_batches: Number of batches to leave out at the start.

        Yields:
            (x, labels, weights): x is a dict of int32 arrays "token_ids", "padding_mask" (1 for real tokens) and
            "segment_ids" [B, S] and "masked_positions" [B, M]; labels int32 [B, M] are the tokens that were there, with
            weights float32 [B, M], 0 for places not needed. With next-sentence prediction labels and weights are dicts
            of these as "token_logits" and of [B] as "next_sentence_logits", class 0 for "it follows".

        Raises:
            UserError: when the epoch has fewer than `skip_batches` batches.
        """
        plan, batches = self._plan(epoch)
        total = len(batches)
        check_batch_position(skip_batches, epoch, total)
        for index in range(skip_batches, total):
            # The generator of the plan is [seed, epoch], which numpy reads as [seed, epoch, 0].
            rng = np.random.default_rng([self._seed, self._epoch(epoch), 1 + index])
            yield self._batch(plan.rows(batches[index]), rng)

    def stream(self, start_epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Returns a `BatchStream`: the batches of all epochs without end, from the given position on."""
        return BatchStream(self, start_epoch, start_batch)

    def _epoch(self, epoch):
        return epoch if self._shuffle else 0

    def _plan(self, epoch):
        """The rows of an epoch and the numbers of those in each batch; those asked for last are kept."""
        epoch = self._epoch(epoch)
        known, plan, batches = self._planned
        if known != epoch:
            rng = np.random.default_rng([self._seed, epoch])
            plan = self._rows.plan(rng if self._shuffle else None)
            order = rng.permutation(len(plan)) if self._shuffle else np.arange(len(plan))
            widths = plan.widths[order]
            batches = self._cut(order, widths)
            if self._shuffle and np.ptp(widths):
                batches = [batches[index] for index in rng.permutation(len(batches))]
            self._planned = (epoch, plan, batches)
        return plan, batches

    def _cut(self, order, widths):
        """The batches, those of narrow rows first."""
        batches = []
        for width in np.unique(widths):
            rows, size = order[widths == width], self._num_rows(width)
            batches += [rows[start : start + size] for start in range(0, len(rows), size)]
        return batches

    def _num_rows(self, width):
        return self._batch_size * self._rows.sequence_length // int(width)

    def _batch(self, rows, rng):
        masked = self._masking(rows, rng)
        width = rows.token_ids.shape[1]
        count = self._num_rows(width)
        real = np.arange(width) < rows.lengths[:, None]
        x = {
            "token_ids": _filled(count, masked.token_ids, self._rows.pad_id),
            "padding_mask": _filled(count, real.astype(np.int32)),
            "segment_ids": _filled(count, rows.segment_ids),
            "masked_positions": _filled(count, masked.positions),
        }
        labels, weights = _filled(count, masked.labels), _filled(count, masked.weights)
        if rows.unrelated is None:
            return x, labels, weights
        labels = {"token_logits": labels, "next_sentence_logits": _filled(count, rows.unrelated)}
        weights = {
            "token_logits": weights,
            "next_sentence_logits": _filled(count, np.ones(len(rows.unrelated), np.float32)),
        }
        return x, labels, weights


def _filled(count, array, value=0):
    """The array with `count` rows."""
    missing = count - len(array)
    if not missing:
        return array
    return np.concatenate([array, np.full((missing, *array.shape[1:]), value, array.dtype)])
