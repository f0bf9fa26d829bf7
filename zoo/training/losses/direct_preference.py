"""Direct preference optimisation: answers that were chosen are to gain on those that were rejected."""

from typing import Any

import keras
from keras import ops

from zoo.ranges import check_range


def preference_margins(references: Any, log_probs: Any, beta: float) -> Any:
    """By how much the reward of the chosen answer is higher than that of the rejected one, float32 `[B]`.

    The reward of an answer is `beta` times by how much its log-probability has grown.

    Args:
        references: float32 `[B, 2]`, log-probabilities of the two answers by the reference model.
        log_probs: float32 `[B, 2]`, by the model.
        beta: Above 0.
    """
    rewards = beta * (log_probs - references)
    return rewards[:, 0] - rewards[:, 1]


@keras.saving.register_keras_serializable(package="zoo")
class DirectPreferenceLoss(keras.losses.Loss):
    """Negative log-probability of preferences by their margins: `-log(sigmoid(margin))`, a mean over pairs.

    Labels are the log-probabilities `[B, 2]` of chosen and rejected answer by the reference model, outputs those by the
    model.

    Args:
        beta: How dear it is to go away from the reference model; above 0.

    Source: Rafailov et al. 2023, equation 7, https://arxiv.org/abs/2305.18290.

    Example:
        >>> float(DirectPreferenceLoss(0.1)(np.array([[-3.0, -3.0]]), np.array([[-3.0, -3.0]])))  # log(2)
        0.6931471824645996
    """

    def __init__(self, beta: float = 0.1, name: str = "direct_preference", **kwargs: Any):
        super().__init__(name=name, **{"reduction": "mean_with_sample_weight", **kwargs, "dtype": "float32"})
        check_range("beta", beta, above=0)
        self.beta = beta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Losses `[B]`."""
        return ops.softplus(-preference_margins(y_true, y_pred, self.beta))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name, "reduction": self.reduction, "beta": self.beta}


class _PairMean(keras.metrics.Metric):
    """A mean over pairs by their weights."""

    def __init__(self, beta: float, name: str):
        super().__init__(name=name, dtype="float32")
        self.beta = beta
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch; arguments as of `DirectPreferenceLoss`."""
        values = self._values(preference_margins(ops.cast(y_true, "float32"), ops.cast(y_pred, "float32"), self.beta))
        weights = ops.ones_like(values) if sample_weight is None else ops.cast(sample_weight, "float32")
        self.total.assign_add(ops.sum(values * weights))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Any:
        """Float32 scalar; 0 before the first pair."""
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name, "beta": self.beta}


@keras.saving.register_keras_serializable(package="zoo")
class PreferenceNegativeLogLikelihood(_PairMean):
    """The loss itself."""

    def __init__(self, beta: float = 0.1, name: str = "nll"):
        super().__init__(beta, name)

    def _values(self, margins):
        return ops.softplus(-margins)


@keras.saving.register_keras_serializable(package="zoo")
class RewardAccuracy(_PairMean):
    """Share of pairs of which the chosen answer has the higher reward."""

    def __init__(self, beta: float = 0.1, name: str = "reward_accuracy"):
        super().__init__(beta, name)

    def _values(self, margins):
        return ops.cast(margins > 0, "float32")


@keras.saving.register_keras_serializable(package="zoo")
class RewardMargin(_PairMean):
    """Mean difference of the two rewards."""

    def __init__(self, beta: float = 0.1, name: str = "reward_margin"):
        super().__init__(beta, name)

    def _values(self, margins):
        return margins
