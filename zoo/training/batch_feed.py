"""Hands training batches to `fit` and knows which of them have been trained on."""

import threading
from collections import deque
from typing import NamedTuple

import keras
import numpy as np

from zoo.errors import UserError
from zoo.training.updates.variable_shapes import dataset_of_any_shape


class FedBatch(NamedTuple):
    """What is remembered of a batch.

    Attributes:
        position: The `(epoch, batch)` after it.
        tokens: Its real labels, of all outputs.
        flops: Floating-point operations that the model needs for it; 0 if they are not counted.
        shapes: Of all arrays that one training step gets.
    """

    position: tuple[int, int]
    tokens: int
    flops: float
    shapes: tuple[tuple[int, ...], ...]


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
        split: From a batch to a list of what `fit` is to get for it, one after the other, all of the same shapes; the
            batch itself if None.
        flops_of: From the inputs of a batch to its floating-point operations, a function of their shapes; they are not
            counted if None.

    Attributes:
        error: What reading a batch raised, if it did; TensorFlow hides it in an error of its own.
        shapes: Set of the `FedBatch.shapes` that have been trained on.
    """

    def __init__(self, batches, position=(0, 0), split=None, flops_of=None):
        self._split = split or (lambda batch: [batch])
        self._flops_of = flops_of or (lambda x: 0)
        self._flops = {}  # by shapes of the inputs
        self.shapes = set()
        self._stream = batches.stream(*position)
        self._pending = deque()
        self._lock = threading.Lock()
        self._reader = None
        self.error = None

    def _read(self):
        try:
            batch = next(self._stream)
            parts = self._split(batch)
            flops = self._counted_flops(batch[0])
        except StopIteration:
            self.error = UserError("there are no training batches: the data is empty or every example was filtered out")
            raise self.error from None
        except Exception as error:
            self.error = error
            raise
        labels = sum(int(np.count_nonzero(each)) for each in keras.tree.flatten(batch[2]))
        fed = FedBatch(tuple(self._stream.position), labels, flops, _shapes(parts[0]))
        self._pending.append((parts, fed))
        return parts

    def _counted_flops(self, x):
        shapes = _shapes(x)
        if shapes not in self._flops:
            self._flops[shapes] = self._flops_of(x)
        return self._flops[shapes]

    def first_batch(self):
        """What `fit` gets next: a batch or the first of what it is split into, which stays in the feed."""
        with self._lock:
            return (self._pending[0][0] if self._pending else self._read())[0]

    def _batches(self):
        """Yields what has not been trained on, until another reader begins."""
        reader = self._reader = object()
        with self._lock:
            left = [parts for parts, _ in self._pending]
        for parts in left:
            yield from parts
        while True:
            with self._lock:
                if self._reader is not reader:
                    return
                parts = self._read()
            yield from parts

    def fit_input(self, strategy=None):
        """What to give to `model.fit`: a dataset under TensorFlow, a generator elsewhere.

        Args:
            strategy: `tf.distribute.Strategy` whose replicas take what a batch was split into; None for one replica.
        """
        if keras.backend.backend() != "tensorflow":
            return self._batches()
        dataset = dataset_of_any_shape(self._batches, self.first_batch())
        if strategy is None:
            return dataset
        return strategy.distribute_datasets_from_function(lambda context: dataset)

    def trained(self, count) -> list[FedBatch]:
        """Forgets the next `count` batches, which have been trained on, and says what they were."""
        with self._lock:
            fed = [self._pending.popleft()[1] for _ in range(count)]
        self.shapes.update(batch.shapes for batch in fed)
        return fed


def _shapes(nest):
    return tuple(array.shape for array in keras.tree.flatten(nest))
