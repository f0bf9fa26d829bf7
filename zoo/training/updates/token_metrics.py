"""Metrics averaged over real tokens: accuracy, and the negative log-likelihood that perplexity comes from."""

from typing import Any

import keras
from keras import ops

from zoo.training.updates.token_loss import token_cross_entropy


class _TokenMean(keras.metrics.Metric):
    """A mean over tokens. Keras's `Mean` would weigh a token by the length of its batch, having averaged over it."""

    def __init__(self, name):
        super().__init__(name=name, dtype="float32")
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch: labels `[B, T]`, logits `[B, T, V]`, weights `[B, T]` (all ones if left out)."""
        values = self._values(y_true, y_pred)
        weights = ops.ones_like(values) if sample_weight is None else ops.cast(sample_weight, "float32")
        self.total.assign_add(ops.sum(values * weights))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        """Float32 scalar; 0 before the first real token."""
        return ops.divide_no_nan(self.total, self.count)


@keras.saving.register_keras_serializable(package="zoo")
class TokenAccuracy(_TokenMean):
    """Share of tokens whose label has the largest logit; labels `[B, T]`, logits `[B, T, V]`, weights `[B, T]`.

    Pass it as one of `weighted_metrics`, so that padding does not count.
    """

    def __init__(self, name: str = "accuracy"):
        super().__init__(name=name)

    def _values(self, labels, logits):
        return ops.cast(ops.equal(ops.cast(labels, "int32"), ops.cast(ops.argmax(logits, axis=-1), "int32")), "float32")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="zoo")
class TokenNegativeLogLikelihood(_TokenMean):
    """Mean of `-log p[label]` over tokens, in nats; its exponential is the perplexity per token.

    With `label_smoothing` it is the smoothed training objective instead, weighted by tokens over all batches, which
    Keras's own `loss` (weighted by rows) is not. Labels `[B, T]`, logits `[B, T, V]`, weights `[B, T]`; pass it as
    one of `weighted_metrics`.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "nll"):
        super().__init__(name=name)
        self.label_smoothing = label_smoothing

    def _values(self, labels, logits):
        return token_cross_entropy(labels, logits, self.label_smoothing)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name, "label_smoothing": self.label_smoothing}
