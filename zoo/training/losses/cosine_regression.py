"""Similarities that are to be scores."""

from typing import Any

import keras
from keras import ops

from zoo.training.losses.batch_loss import BatchLoss, unit_vectors, weighted_mean


@keras.saving.register_keras_serializable(package="zoo")
class CosineRegression(BatchLoss):
    """Squared difference of the cosine of an example's two texts from its label, from -1 to 1.

    Source: Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.
    """

    def __init__(self, name: str = "cosine_regression", **kwargs: Any):
        super().__init__(name, **kwargs)

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """See `BatchLoss`."""
        vectors = unit_vectors(vectors)
        cosines = ops.sum(vectors[:, 0] * vectors[:, 1], axis=-1)
        return weighted_mean(ops.square(cosines - labels), weights)
