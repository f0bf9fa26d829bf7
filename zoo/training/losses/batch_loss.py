"""A loss of all examples of a batch together."""

from typing import Any

import keras
from keras import ops


class BatchLoss(keras.losses.Loss):
    """A loss that is no sum over examples, since each is compared with the others of its batch.

    Models give it vectors `[B, K, E]`, those of K texts of each example. `zoo.training.train` computes it over the
    whole batch, however many devices and parts work on that: first the vectors of all parts, then the loss and its
    gradient with respect to them, then the gradients of the weights part by part (Gao et al. 2021,
    https://arxiv.org/abs/2101.06983). So a batch may be larger than what a device can hold the activations of, and the
    number of devices decides about nothing that is learned.
    """

    def __init__(self, name: str, **kwargs: Any):
        # There is nothing to reduce; the argument is for Keras, which saves it.
        super().__init__(name=name, **{**kwargs, "reduction": "sum", "dtype": "float32"})

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """The loss of a batch, a float32 scalar.

        Args:
            labels: float32 [B] or [B, E], as the loss needs them.
            vectors: float32 [B, K, E].
            weights: float32 [B]; an example of weight 0 is as if it were not there.
        """
        raise NotImplementedError(f"{type(self).__name__} has no of_batch")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """As `of_batch`; all weights are 1 if there are none."""
        vectors = ops.cast(y_pred, "float32")
        weights = ops.ones_like(vectors[:, 0, 0]) if sample_weight is None else ops.cast(sample_weight, "float32")
        return self.of_batch(ops.cast(y_true, "float32"), vectors, weights)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name}


def unit_vectors(vectors: Any) -> Any:
    """Vectors `[..., E]` divided by their lengths; those of length 0 stay 0, with a gradient of 0."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    # Not under the root, whose slope at 0 is infinite.
    return vectors * ops.rsqrt(ops.maximum(squares, 1e-24))


def weighted_mean(values: Any, weights: Any) -> Any:
    """Mean of float32 [B] by weights [B]; 0 if all weights are 0."""
    return ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights))
