"""Vectors of another model, to be imitated."""

from typing import Any

import keras
from keras import ops

from zoo.training.losses.batch_loss import BatchLoss, weighted_mean


@keras.saving.register_keras_serializable(package="zoo")
class VectorDistillation(BatchLoss):
    """Mean squared difference of the vectors of each example's text from its labels, a teacher's vectors [B, E].

    Source: Reimers and Gurevych 2020, https://arxiv.org/abs/2004.09813.
    """

    def __init__(self, name: str = "vector_distillation", **kwargs: Any):
        super().__init__(name, **kwargs)

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """See `BatchLoss`."""
        return weighted_mean(ops.mean(ops.square(vectors[:, 0] - labels), axis=-1), weights)
