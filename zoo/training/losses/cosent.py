"""Similarities in the order of scores."""

from typing import Any

import keras
from keras import ops

from zoo.ranges import check_range
from zoo.training.losses.batch_loss import BatchLoss, unit_vectors


@keras.saving.register_keras_serializable(package="zoo")
class CoSENT(BatchLoss):
    """Of any two examples of the batch, the one with the higher score is to have the higher cosine.

    An example has two texts, and its label is a score, of which only the order matters. The loss is
    `log(1 + sum(exp((cos_i - cos_j) / temperature)))` over all i, j with a lower score of i than of j.

    Args:
        temperature: Above 0; 0.05 is a scale of 20.

    Source: Su 2022, https://kexue.fm/archives/8847.
    """

    def __init__(self, temperature: float = 0.05, name: str = "cosent", **kwargs: Any):
        super().__init__(name, **kwargs)
        check_range("temperature", temperature, above=0)
        self.temperature = temperature

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """See `BatchLoss`."""
        vectors = unit_vectors(vectors)
        cosines = ops.sum(vectors[:, 0] * vectors[:, 1], axis=-1) / self.temperature
        there = weights > 0
        ordered = ops.logical_and(labels[:, None] < labels[None], ops.logical_and(there[:, None], there[None]))
        differences = ops.where(ordered, cosines[:, None] - cosines[None], -1e9)
        # The 1 in the logarithm.
        return ops.logsumexp(ops.concatenate([ops.zeros((1,)), ops.reshape(differences, (-1,))]))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "temperature": self.temperature}
