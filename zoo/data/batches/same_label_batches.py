"""Batches of pairs of texts that have the same label."""

from typing import Any

import numpy as np

from zoo.data.batches.distinct_batches import batches_of_labels
from zoo.data.batches.tuple_batches import TupleBatches
from zoo.errors import UserError


class SameLabelBatches(TupleBatches):
    """Pairs of a text and another one of its label, drawn anew in each epoch; a batch has each label once at most.

    Every text is the first of a pair once in an epoch, but of a label that has more texts than there are batches so
    many as there are batches, drawn at random. Texts whose label no other text has are the first of no pair.

    Args:
        token_ids: N sequences of token ids, special ones included.
        labels: int [N].
        batch_size: Pairs of a batch; as many as there are labels if that is less.
        options: As of `TupleBatches`.

    Raises:
        UserError: if fewer than two labels have two texts.

    Example:
        >>> rows = [[2, 5, 3], [2, 6, 3], [2, 7, 3], [2, 8, 3]]
        >>> batches = SameLabelBatches(rows, [0, 0, 1, 1], pad_id=0, batch_size=8, max_length=8)
    """

    def __init__(self, token_ids: Any, labels: Any, *, batch_size: int, **options: Any):
        labels = np.asarray(labels)
        counts = np.bincount(labels)
        firsts = np.flatnonzero(counts[labels] > 1)
        several = int((counts > 1).sum())
        if several < 2:
            raise UserError(
                f"{several} labels have two texts or more; two labels at least must have, so that texts of the same "
                "label can be told from others"
            )
        pairs = np.stack([firsts, firsts], axis=1)
        super().__init__(token_ids, pairs, batch_size=min(batch_size, several), **options)
        self.labels = labels[firsts]
        self._of_label = {label: np.flatnonzero(labels == label) for label in np.unique(self.labels).tolist()}

    @property
    def batch_size(self) -> int:
        """Pairs of a batch, at most."""
        return self._batch_size

    def _made(self, rng):
        pairs = self._examples.copy()
        for row, (first, label) in enumerate(zip(pairs[:, 0].tolist(), self.labels.tolist(), strict=True)):
            others = self._of_label[label]
            # Any but the text itself: the last stands in for it.
            chosen = others[rng.integers(len(others) - 1)]
            pairs[row, 1] = others[-1] if chosen == first else chosen
        return pairs

    def _cut(self, order):
        return batches_of_labels(order.tolist(), self.labels, self.num_batches())
