"""Options of recipes that count their training in updates."""

import math
from dataclasses import dataclass

from recipes.options.training import TrainingOptions
from zoo.errors import UserError


@dataclass(frozen=True)
class StepOptions(TrainingOptions):
    """How many updates there are, and what comes between them."""

    total_steps: int | None = None
    """Updates; by the amount of training data if None. --max-minutes may end training before, with the learning rate
    where it is at the end."""
    warmup_steps: int | None = None
    """Updates of linear warm-up; a tenth of all, and 4,000 at most, if None."""
    validate_every_steps: int | None = None
    """Updates between validations; a tenth of the run if None."""
    checkpoint_every_steps: int | None = None
    """Updates between checkpoints; a twentieth of the run if None."""
    ema_momentum: float = 0.0
    """Final model from moving averages of the weights, with this share of the old in each update, in place of averaged
    checkpoints; 0 for none."""
    average_best: bool = False
    """Take the best checkpoints, by the metric that early stopping goes by, in place of the last."""

    def __post_init__(self):
        super().__post_init__()
        self.check_shares("ema_momentum")
        self.check_at_least(1, "total_steps", "validate_every_steps", "checkpoint_every_steps")

    def check_warmup(self):
        """Refuses warm-up that is not shorter than the run.

        Raises:
            UserError: naming the options.
        """
        if self.warmup_steps is not None and not 0 <= self.warmup_steps < (self.total_steps or math.inf):
            raise UserError(
                f"--warmup-steps {self.warmup_steps} must be at least 0 and below --total-steps {self.total_steps}"
            )
