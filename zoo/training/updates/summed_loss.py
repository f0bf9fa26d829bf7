"""The loss of a compiled model as a sum, so that the parts of a batch add up to the batch."""

import keras
import numpy as np
from keras import ops

from zoo.errors import UserError
from zoo.training.losses.batch_loss import BatchLoss


class SummedLoss:
    """The loss that a model was compiled with, split in two: dividing the weights, and a plain sum.

    A mean over a batch is not the mean of the means over its parts, where these have different numbers of tokens. So
    the weights are divided once, on the host, by what the mean divides by over the whole batch. Losses and gradients
    of parts of the batch, on whatever device and in whatever order, are then added and need no further factor.

    Args:
        loss: What `compile` takes for a loss: a `keras.losses.Loss`, a function or a name, or for a model of several
            outputs a dict or list of them. Reductions "mean_with_sample_weight" and "sum_over_batch_size" ("mean") are
            divided by the weights and by the number of losses, "sum" by nothing. A `BatchLoss`, of a model of one
            output, is no sum: parts of a batch do not add up to it.

    Attributes:
        of_whole_batch: Whether it is a `BatchLoss`.

    Raises:
        UserError: No loss, or one without a reduction.

    Example:
        >>> loss = SummedLoss(TokenCrossEntropy(0.1))
        >>> loss(labels, logits, loss.divided(weights))  # = TokenCrossEntropy(0.1)(labels, logits, weights)
    """

    def __init__(self, loss):
        self.of_whole_batch = isinstance(loss, BatchLoss)
        if isinstance(loss, (dict, list, tuple)):
            keys = loss if isinstance(loss, dict) else range(len(loss))
            if any(isinstance(loss[key], BatchLoss) for key in keys):
                raise UserError("a loss of whole batches cannot be trained on beside others; compile with it alone")
            self._losses = {key: _Loss(loss[key]) for key in keys}
        else:
            self._losses = {None: _Loss(loss)}

    def divided(self, weights):
        """Weights for this sum.

        Args:
            weights: numpy array of a whole batch, or a nest of them like the outputs.

        Returns:
            The same nest in float32, each divided by its loss's divisor; zeros where all weights are zero.
        """
        if None in self._losses:
            return self._losses[None].divided(weights)
        by_key = {key: loss.divided(weights[key]) for key, loss in self._losses.items()}
        return by_key if isinstance(weights, dict) else list(by_key.values())

    def __call__(self, labels, outputs, weights):
        """The sum over all outputs and elements of weight times loss, a float32 scalar.

        Args:
            labels, outputs: As the loss takes them, nests for several outputs.
            weights: Divided weights, of the shape of the losses before their reduction.
        """
        if None in self._losses:
            return self._losses[None].total(labels, outputs, weights)
        return sum(loss.total(labels[key], outputs[key], weights[key]) for key, loss in self._losses.items())


class _Loss:
    """One output's loss."""

    def __init__(self, loss):
        if isinstance(loss, BatchLoss):
            self._of_each, self._of_batch, self._reduction = None, loss.of_batch, "mean_with_sample_weight"
            return
        self._of_batch = None
        loss = keras.losses.get(loss)
        if loss is None:
            raise UserError("the model has no loss: call `compile` with one before training")
        self._of_each = loss.call if isinstance(loss, keras.losses.Loss) else loss
        self._reduction = getattr(loss, "reduction", "sum_over_batch_size")
        if self._reduction not in ("mean_with_sample_weight", "sum_over_batch_size", "mean", "sum"):
            raise UserError(f'a loss with reduction "{self._reduction}" cannot be trained on: choose a mean or "sum"')

    def divided(self, weights):
        divisor = {"mean_with_sample_weight": np.sum(weights, dtype=np.float64), "sum": 1.0}.get(
            self._reduction, weights.size
        )
        return (weights / (divisor or 1.0)).astype(np.float32)

    def total(self, labels, outputs, weights):
        labels, outputs = (ops.cast(each, "float32") for each in (labels, outputs))
        if self._of_batch is not None:
            return self._of_batch(labels, outputs, ops.cast(weights, "float32"))
        losses = self._of_each(labels, outputs)
        if len(losses.shape) != len(weights.shape):
            raise ValueError(f"losses of shape {losses.shape} need weights of that shape, got {weights.shape}")
        return ops.sum(losses * ops.cast(weights, "float32"))
