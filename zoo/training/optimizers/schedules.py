"""Learning-rate schedules with linear warm-up.

Steps count finished updates from 0, as Keras does: update number n (from 1) uses `schedule(n - 1)`, so that the first
update already has a learning rate above 0 and update number `warmup_steps` has the peak.

Where time allows only a share of the updates that a schedule was made for, it is compressed: the optimizers of
`zoo.training` hold that share as a variable, and update n is then what update n / share would be.
"""

import math
from typing import Any

import keras
from keras import ops


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak_learning_rate` over `warmup_steps` updates, then multiplies it by `_after(update)`."""

    def __init__(self, peak_learning_rate, warmup_steps):
        if not peak_learning_rate > 0:
            raise ValueError(f"peak_learning_rate must be above 0, got {peak_learning_rate}")
        if warmup_steps < 0:
            raise ValueError(f"warmup_steps must not be negative, got {warmup_steps}")
        self.peak_learning_rate = float(peak_learning_rate)
        self.warmup_steps = int(warmup_steps)

    def __call__(self, step):
        """Learning rate, float32 scalar, after `step` (integer scalar) finished updates."""
        return self.compressed(step, 1.0)

    def compressed(self, step, share):
        """Learning rate after `step` finished updates of a run that has a share (in `(0, 1]`) of the updates."""
        update = (ops.cast(step, "float32") + 1.0) / share
        rising = update / max(self.warmup_steps, 1)
        return self.peak_learning_rate * ops.where(update < self.warmup_steps, rising, self._after(update))

    def get_config(self):
        """The arguments of the constructor."""
        return {"peak_learning_rate": self.peak_learning_rate, "warmup_steps": self.warmup_steps}


@keras.saving.register_keras_serializable(package="zoo")
class InverseSquareRoot(WarmUp):
    """Linear warm-up to the peak, then `peak * sqrt(warmup_steps / update)`.

    With `peak = hidden_dim ** -0.5 * warmup_steps ** -0.5` this is the schedule of the original Transformer.

    Args:
        peak_learning_rate: Learning rate of update number `warmup_steps`.
        warmup_steps: Updates until the peak; 0 starts at the peak and decays as `1 / sqrt(update)`.

    Source: Vaswani et al. 2017, section 5.3.

    Example:
        >>> float(InverseSquareRoot(1e-3, warmup_steps=100)(399))  # update number 400
        0.0005
    """

    def _after(self, update):
        return ops.sqrt(max(self.warmup_steps, 1) / update)


@keras.saving.register_keras_serializable(package="zoo")
class CosineDecay(WarmUp):
    """Linear warm-up to the peak, then half a cosine down to `final_fraction * peak` at `total_steps`, then constant.

    Args:
        peak_learning_rate: Learning rate of update number `warmup_steps`.
        warmup_steps: Updates until the peak.
        total_steps: Update number at which the decay ends; above `warmup_steps`.
        final_fraction: Share of the peak that remains, in `[0, 1]`.

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts.
    """

    def __init__(self, peak_learning_rate: float, warmup_steps: int, total_steps: int, final_fraction: float = 0.0):
        super().__init__(peak_learning_rate, warmup_steps)
        if total_steps <= warmup_steps:
            raise ValueError(f"total_steps ({total_steps}) must be above warmup_steps ({warmup_steps})")
        if not 0.0 <= final_fraction <= 1.0:
            raise ValueError(f"final_fraction must be between 0 and 1, got {final_fraction}")
        self.total_steps = int(total_steps)
        self.final_fraction = float(final_fraction)

    def _after(self, update):
        progress = ops.clip((update - self.warmup_steps) / (self.total_steps - self.warmup_steps), 0.0, 1.0)
        return self.final_fraction + (1.0 - self.final_fraction) * 0.5 * (1.0 + ops.cos(math.pi * progress))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "total_steps": self.total_steps, "final_fraction": self.final_fraction}


@keras.saving.register_keras_serializable(package="zoo")
class LinearDecay(WarmUp):
    """Linear warm-up to the peak, then linearly down to 0 at `total_steps`: the schedule of BERT's fine-tuning.

    Args:
        peak_learning_rate: Learning rate of update number `warmup_steps`.
        warmup_steps: Updates until the peak.
        total_steps: The update after the last one that learns anything; above `warmup_steps`.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805, appendix A.
    """

    def __init__(self, peak_learning_rate: float, warmup_steps: int, total_steps: int):
        super().__init__(peak_learning_rate, warmup_steps)
        if total_steps <= warmup_steps:
            raise ValueError(f"total_steps ({total_steps}) must be above warmup_steps ({warmup_steps})")
        self.total_steps = int(total_steps)

    def _after(self, update):
        return ops.clip((self.total_steps - update) / (self.total_steps - self.warmup_steps), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "total_steps": self.total_steps}


@keras.saving.register_keras_serializable(package="zoo")
class ConstantAfterWarmUp(WarmUp):
    """Linear warm-up to the peak, which then stays.

    Args:
        peak_learning_rate: Learning rate from update number `warmup_steps` on.
        warmup_steps: Updates until the peak; 0 for a constant learning rate.
    """

    def _after(self, update):
        return ops.ones_like(update)


@keras.saving.register_keras_serializable(package="zoo")
class WarmupStableDecay(WarmUp):
    """Linear warm-up to the peak, which stays until the last share of the updates, then linearly down.

    Where training is to end need not be known before the decay begins: a run that was stopped in the stable part goes
    on, or decays, from there.

    Args:
        peak_learning_rate: Learning rate after warm-up.
        warmup_steps: Updates until the peak.
        total_steps: Update number at which the decay ends; above `warmup_steps`.
        decay_share: Share of `total_steps` that the decay takes, above 0 and at most 1; it begins after warm-up.
        final_fraction: Share of the peak that remains, in `[0, 1]`.

    Source: Hu et al. 2024, https://arxiv.org/abs/2404.06395, section 4; linear decay: Haegele et al. 2024,
        https://arxiv.org/abs/2405.18392.
    """

    def __init__(
        self,
        peak_learning_rate: float,
        warmup_steps: int,
        total_steps: int,
        decay_share: float = 0.2,
        final_fraction: float = 0.0,
    ):
        super().__init__(peak_learning_rate, warmup_steps)
        if total_steps <= warmup_steps:
            raise ValueError(f"total_steps ({total_steps}) must be above warmup_steps ({warmup_steps})")
        if not 0.0 < decay_share <= 1.0:
            raise ValueError(f"decay_share must be above 0 and at most 1, got {decay_share}")
        if not 0.0 <= final_fraction <= 1.0:
            raise ValueError(f"final_fraction must be between 0 and 1, got {final_fraction}")
        self.total_steps = int(total_steps)
        self.decay_share = float(decay_share)
        self.final_fraction = float(final_fraction)

    def _after(self, update):
        decay_steps = min(self.decay_share * self.total_steps, self.total_steps - self.warmup_steps)
        left = ops.clip((self.total_steps - update) / decay_steps, 0.0, 1.0)
        return self.final_fraction + (1.0 - self.final_fraction) * left

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "total_steps": self.total_steps,
            "decay_share": self.decay_share,
            "final_fraction": self.final_fraction,
        }
