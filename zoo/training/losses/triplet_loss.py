"""Nearer to what is alike than to what is not, by a margin."""

from typing import Any

import keras
from keras import ops

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.training.losses.batch_loss import BatchLoss, unit_vectors, weighted_mean

DISTANCES = ("cosine", "euclidean")


@keras.saving.register_keras_serializable(package="zoo")
class TripletLoss(BatchLoss):
    """By how much the first text of an example fails to be nearer to the second than to the third by a margin.

    Args:
        distance: "cosine", 1 less the cosine, or "euclidean".
        margin: Above 0. Cosine distances are 2 at most.

    Source: Schroff et al. 2015, https://arxiv.org/abs/1503.03832.
    """

    def __init__(self, distance: str = "cosine", margin: float = 0.5, name: str = "triplet", **kwargs: Any):
        super().__init__(name, **kwargs)
        if distance not in DISTANCES:
            raise UserError(f"distance must be one of {', '.join(DISTANCES)}, got {distance!r}")
        check_range("margin", margin, above=0)
        self.distance, self.margin = distance, margin

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """See `BatchLoss`; labels make no difference."""
        if self.distance == "cosine":
            vectors = unit_vectors(vectors)
        anchors, positives, negatives = vectors[:, 0], vectors[:, 1], vectors[:, 2]
        difference = self._distances(anchors, positives) - self._distances(anchors, negatives)
        return weighted_mean(ops.relu(difference + self.margin), weights)

    def _distances(self, one, two):
        if self.distance == "cosine":
            return 1.0 - ops.sum(one * two, axis=-1)
        # Not 0 under the root, whose slope there is infinite.
        return ops.sqrt(ops.maximum(ops.sum(ops.square(one - two), axis=-1), 1e-12))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "distance": self.distance, "margin": self.margin}
