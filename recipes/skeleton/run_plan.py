"""How long a run is and what comes in between, with numbers by the amount of training data where nobody asked."""

from typing import NamedTuple

from zoo.training import ShareOfRun

_VALIDATIONS = 10
_CHECKPOINTS = 20
_MOST_WARMUP = 4000


class UpdatesByData(NamedTuple):
    """How many updates suit the training data.

    Attributes:
        passes: Passes over the data, if that makes at least `least` and at most `most` updates.
        least, most: Updates.
    """

    passes: int
    least: int
    most: int


class RunPlan(NamedTuple):
    """Updates, what comes between them, and which weights are the final ones.

    Attributes:
        total_steps: Updates.
        warmup_steps: Updates of warm-up.
        validate_every_steps, checkpoint_every_steps: Updates between two, or the share of the run.
        metric: What early stopping and the best checkpoints go by, such as "val_nll".
        average_best: Whether the best checkpoints are averaged in place of the last.
        keep_last: How many of the last checkpoints are kept.
        moving_averages: Whether the final weights are moving averages in place of averaged checkpoints.
    """

    total_steps: int
    warmup_steps: int
    validate_every_steps: int | ShareOfRun
    checkpoint_every_steps: int | ShareOfRun
    metric: str
    average_best: bool
    keep_last: int
    moving_averages: bool = False

    @property
    def mode(self):
        """Whether larger or smaller values of the metric are better, "max" or "min"."""
        return "min" if self.metric == "val_nll" else "max"

    def line(self, num_batches, max_minutes):
        """What to say about the length of training.

        Args:
            num_batches: Batches of an epoch, or None.
            max_minutes: The time limit, or None.
        """
        passes = f", {self.total_steps / num_batches:,.1f} passes over the training data" if num_batches else ""
        limit = (
            ""
            if max_minutes is None
            else f", or as many as {max_minutes:g} minutes allow, in which the learning rate then falls"
        )
        return f"training: {self.total_steps:,} updates{passes}{limit}"


def plan_updates(config, num_batches, metric, by_data):
    """The `RunPlan` of a configuration.

    Args:
        config: A `StepOptions`.
        num_batches: Batches of an epoch; None for more than can be counted.
        metric: See `RunPlan`.
        by_data: `UpdatesByData`, for a configuration without a number.
    """
    total, warmup = config.total_steps, config.warmup_steps
    if total is None:
        total = by_data.most if num_batches is None else max(by_data.least, by_data.passes * num_batches)
        total = min(by_data.most, total)
        total = max(total, (warmup or 0) + 1)
    if warmup is None:
        warmup = min(_MOST_WARMUP, total // 10)
    return RunPlan(
        total,
        warmup,
        config.validate_every_steps or ShareOfRun(_VALIDATIONS),
        config.checkpoint_every_steps or ShareOfRun(_CHECKPOINTS),
        metric,
        average_best=config.average_best,
        keep_last=config.average_checkpoints,
        moving_averages=bool(config.ema_momentum),
    )
