"""Contrastive learning with the other examples of the batch as negatives."""

from typing import Any

import keras
from keras import ops

from zoo.ranges import check_range
from zoo.training.losses.batch_loss import BatchLoss, unit_vectors, weighted_mean

# Of a logit that must not count; the exponential of it is 0 in float32.
_NOT_THERE = -1e9


@keras.saving.register_keras_serializable(package="zoo")
class InBatchNegatives(BatchLoss):
    """Cross-entropy of the right text among all of the batch: InfoNCE, or multiple negatives ranking.

    The first text of an example is its anchor, the second the positive, and further ones are hard negatives. An anchor
    is to be nearer to its positive than to the positives and hard negatives of all examples. With `symmetric` a
    positive is to be nearer to its anchor than to the other anchors as well, and the loss is the mean of both
    directions.

    Args:
        temperature: What cosines are divided by, above 0; 0.05 is a scale of 20.
        symmetric: Whether both directions count.

    Source: van den Oord et al. 2018, https://arxiv.org/abs/1807.03748; Henderson et al. 2017,
        https://arxiv.org/abs/1705.00652.

    Example:
        >>> loss = InBatchNegatives(temperature=0.05)
        >>> loss(np.zeros(2), np.eye(2)[:, None].repeat(2, axis=1))  # a scalar near 0
    """

    def __init__(
        self, temperature: float = 0.05, symmetric: bool = False, name: str = "in_batch_negatives", **kwargs: Any
    ):
        super().__init__(name, **kwargs)
        check_range("temperature", temperature, above=0)
        self.temperature, self.symmetric = temperature, symmetric

    def of_batch(self, labels: Any, vectors: Any, weights: Any) -> Any:
        """See `BatchLoss`; labels make no difference."""
        vectors = unit_vectors(vectors)
        anchors, positives = vectors[:, 0], vectors[:, 1]
        count = vectors.shape[1] if vectors.shape[1] is not None else ops.shape(vectors)[1]
        # The positives of all examples, then the first negatives of all, and so on.
        others = ops.reshape(ops.transpose(vectors[:, 1:], (1, 0, 2)), (-1, ops.shape(vectors)[2]))
        there = weights > 0
        right = ops.sum(anchors * positives, axis=-1) / self.temperature
        losses = self._spread(anchors, others, ops.tile(there, (count - 1,))) - right
        if self.symmetric:
            losses = 0.5 * (losses + self._spread(positives, anchors, there) - right)
        return weighted_mean(losses, weights)

    def _spread(self, vectors, others, there):
        """Logarithm of the sum of exponentials of similarities, [B]."""
        logits = ops.matmul(vectors, ops.transpose(others)) / self.temperature
        return ops.logsumexp(ops.where(there[None], logits, _NOT_THERE), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "temperature": self.temperature, "symmetric": self.symmetric}
