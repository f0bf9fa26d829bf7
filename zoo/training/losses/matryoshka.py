"""Vectors whose beginnings are vectors too."""

from typing import Any

import keras

from zoo.errors import UserError
from zoo.training.losses.batch_loss import BatchLoss, unit_vectors


@keras.saving.register_keras_serializable(package="zoo")
class Matryoshka(BatchLoss):
    """The sum of a loss over the first entries of all vectors, once for each of several numbers of entries.

    A vector that is cut is brought to length 1 before the loss is computed.

    Args:
        loss: `BatchLoss`.
        dims: Numbers of entries, each different and 1 at least. The whole width should be among them.
        weights: Factor of the loss of each number; all 1 if None.

    Source: Kusupati et al. 2022, https://arxiv.org/abs/2205.13147.

    Example:
        >>> loss = Matryoshka(InBatchNegatives(), dims=(384, 192, 96))
    """

    def __init__(self, loss: BatchLoss, dims: Any, weights: Any = None, name: str = "matryoshka", **kwargs: Any):
        super().__init__(name, **kwargs)
        self.loss = keras.saving.deserialize_keras_object(loss) if isinstance(loss, dict) else loss
        self.dims = tuple(dims)
        self.weights = (1.0,) * len(self.dims) if weights is None else tuple(weights)
        if not self.dims or len(set(self.dims)) < len(self.dims) or min(self.dims) < 1:
            raise UserError(f"dims must be different numbers of entries, 1 at least, got {self.dims}")
        if len(self.weights) != len(self.dims):
            raise UserError(f"there are {len(self.dims)} dims but {len(self.weights)} weights of them")

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """See `BatchLoss`; labels that are vectors are cut too."""
        cuts = len(labels.shape) == 2
        return sum(
            weight * self.loss.of_batch(labels[:, :dim] if cuts else labels, unit_vectors(vectors[..., :dim]), weights)
            for dim, weight in zip(self.dims, self.weights, strict=True)
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "loss": keras.saving.serialize_keras_object(self.loss),
            "dims": list(self.dims),
            "weights": list(self.weights),
        }
