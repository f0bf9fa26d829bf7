"""The batches of all epochs, one after the other, with the position of each."""

from typing import Any


class BatchStream:
    """An endless iterator over the epochs of batches that knows where it is.

    A reader that fetches batches ahead of their use must take each batch's position along with it.

    Attributes:
        epoch: Epoch of the batch yielded last (before the first: where the stream starts).
        batch: Number of batches of that epoch yielded so far, skipped ones included.

    Example:
        >>> stream = batches.stream()
        >>> first = next(stream)
        >>> rest = batches.stream(*stream.position)
    """

    def __init__(self, batches: Any, start_epoch: int = 0, start_batch: int = 0):
        self._batches = batches
        self.epoch = start_epoch
        self.batch = start_batch
        self._iterator = batches.epoch(start_epoch, skip_batches=start_batch)

    @property
    def position(self) -> tuple[int, int]:
        """(epoch, batch): `batches.stream(*position)` continues after the batch yielded last."""
        return self.epoch, self.batch

    def __iter__(self):
        return self

    def __next__(self):
        """Returns the next (x, labels, weights), of the next epoch where one ends."""
        for item in self._iterator:
            self.batch += 1
            return item
        self.epoch += 1
        self.batch = 0
        self._iterator = self._batches.epoch(self.epoch)
        return next(self)
