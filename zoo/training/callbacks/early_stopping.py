"""Stops training when validation no longer gets better."""

import math
from typing import Any

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.training.callbacks.training_callback import TrainingCallback


class EarlyStopping(TrainingCallback):
    """Ends training after `patience` validations in a row without a new best value of a metric.

    Args:
        metric: Name in the logs of a validation, such as "val_nll" or "val_bleu".
        patience: Validations without improvement after which training ends, at least 1.
        mode: "min" or "max", which values are good.
        min_delta: A value must be better by more than this to count as an improvement.
    """

    def __init__(self, metric: str, patience: int, mode: str, min_delta: float = 0.0):
        super().__init__()
        if mode not in ("min", "max"):
            raise UserError(f'the mode of early stopping must be "min" or "max", got "{mode}"')
        check_range("the patience of early stopping", patience, least=1)
        check_range("the min_delta of early stopping", min_delta, least=0)
        self.metric = metric
        self.patience = patience
        self.mode = mode
        self.min_delta = min_delta
        self.best = None
        self.best_step = None
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        """Whether training should end."""
        return self.waited >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Counts a validation, if this is one."""
        if not self.run.validates_here:
            return
        if self.metric not in (logs or {}):
            known = ", ".join(sorted(logs or {})) or "nothing"
            raise UserError(f'early stopping watches "{self.metric}", which is not reported: there is {known}')
        value = logs[self.metric]
        gain = math.inf if self.best is None else (value - self.best) * (1.0 if self.mode == "max" else -1.0)
        # A NaN never counts as a gain, not even as the first value.
        if gain > self.min_delta and not math.isnan(value):
            self.best, self.best_step, self.waited = value, self.run.step, 0
        else:
            self.waited += 1
        if self.exhausted and self.run.stop_reason is None:
            self.run.stop_reason = "early_stopping"
            self.model.stop_training = True

    def state_dict(self) -> dict[str, Any]:
        """Best value, its step, and the validations since."""
        return {"best": self.best, "best_step": self.best_step, "waited": self.waited}

    def load_state_dict(self, state: Any) -> None:
        """Takes back what `state_dict` gave."""
        self.best, self.best_step, self.waited = state["best"], state["best_step"], state["waited"]
