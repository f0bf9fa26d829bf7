"""Hands training batches to `fit` and knows which of them have been trained on."""

import threading
from collections import deque
from typing import NamedTuple

import keras
import numpy as np

from zoo.errors import UserError
from zoo.training.variable_shapes import dataset_of_any_shape


class FedBatch(NamedTuple):
    """What is remembered of a batch: the `(epoch, batch)` after it, and its real labels, of all outputs."""

    position: tuple[int, int]
    tokens: int


class BatchFeed:
    """The batches of a run as input of one `fit` after the other.

    Keras reads ahead, on a thread of its own under TensorFlow, so what has been read says nothing about what has been
    trained on. The feed keeps every batch that was read until `trained` is called for it; the next `fit` starts with
    those that were left.

    Args:
        batches: Has `stream(epoch, batch)`, which returns an infinite iterator over `(x, labels, weights)` from that
            batch of that epoch on; labels and weights are dicts for a model of several outputs. The iterator's
            attribute `position` is the `(epoch, batch)` with which another stream would go on after the batch it
            yielded last. See `zoo.data.PairBatches`.
        position: `(epoch, batch)` to start from.
        split: From a batch to a list of what `fit` is to get for it, one after the other; the batch itself if None.

    Attributes:
        error: What reading a batch raised, if it did; TensorFlow hides it in an error of its own.
    """

    def __init__(self, batches, position=(0, 0), split=None):
        self._split = split or (lambda batch: [batch])
        self._stream = batches.stream(*position)
        self._pending = deque()
        self._lock = threading.Lock()
        self._reader = None
        self.error = None

    def _read(self):
        try:
            batch = next(self._stream)
        except StopIteration:
            self.error = UserError("there are no training batches: the data is empty or every example was filtered out")
            raise self.error from None
        except Exception as error:
            self.error = error
            raise
        labels = sum(int(np.count_nonzero(each)) for each in keras.tree.flatten(batch[2]))
        fed = FedBatch(tuple(self._stream.position), labels)
        self._pending.append((batch, fed))
        return batch

    def first_batch(self):
        """The next batch to train on, which stays in the feed."""
        with self._lock:
            return self._pending[0][0] if self._pending else self._read()

    def _batches(self):
        """Yields what has not been trained on, until another reader begins."""
        reader = self._reader = object()
        with self._lock:
            left = [batch for batch, _ in self._pending]
        for batch in left:
            yield from self._split(batch)
        while True:
            with self._lock:
                if self._reader is not reader:
                    return
                batch = self._read()
            yield from self._split(batch)

    def fit_input(self, strategy=None):
        """What to give to `model.fit`: a dataset under TensorFlow, a generator elsewhere.

        Args:
            strategy: `tf.distribute.Strategy` whose replicas take what a batch was split into; None for one replica.
        """
        if keras.backend.backend() != "tensorflow":
            return self._batches()
        dataset = dataset_of_any_shape(self._batches, self._split(self.first_batch())[0])
        if strategy is None:
            return dataset
        return strategy.distribute_datasets_from_function(lambda context: dataset)

    def trained(self, count) -> list[FedBatch]:
        """Forgets the next `count` batches, which have been trained on, and says what they were."""
        with self._lock:
            return [self._pending.popleft()[1] for _ in range(count)]
