"""Where a training run stands: what the loop and its callbacks share."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from zoo.training.runs.pace import Pace
from zoo.training.runs.share_of_run import ShareOfRun

# Updates after which the schedule is fitted to the time anew, at first, and as a share of those before later on.
_FIRST_FITS = 10
_FITS_SHARE = 8


@dataclass
class TrainingRun:
    """Progress of one run, kept up to date by `train` and read by its callbacks.

    Attributes:
        directory: Folder of the run.
        total_steps: Update number at which training ends, if time allows.
        checkpoint_every_steps, validate_every_steps: Updates between checkpoints and between validations, or a
            `ShareOfRun`; 0 is never.
        step: Updates so far, over all sittings.
        intervals: Intervals (Keras epochs) so far.
        position: `(epoch, batch)` of the next batch to train on.
        is_chief: Whether this process writes checkpoints and the history; of several, one does.
        random_states: See `zoo.training.updates.random_states`, as they were after the last step.
        stop_reason: None while training goes on; then as in `zoo.training.TrainingResult`.
        max_seconds: Wall time after which the run ends; None for no limit.
        ends_in_time: Whether learning rate and intervals are those of a run that ends with its time.
        share: Share of `total_steps` that time allows, in `(0, 1]`, as it was measured last.
        pace: `Pace`.
        clock: Seconds since some moment.
    """

    directory: Path
    total_steps: int
    checkpoint_every_steps: int | ShareOfRun
    validate_every_steps: int | ShareOfRun = 0
    step: int = 0
    intervals: int = 0
    position: tuple[int, int] = (0, 0)
    random_states: list = field(default_factory=list)
    stop_reason: str | None = None
    is_chief: bool = True
    max_seconds: float | None = None
    ends_in_time: bool = False
    share: float = 1.0
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.monotonic
    _earlier_seconds: float = 0.0
    _last_validation: int = 0
    _last_checkpoint: int = 0

    def __post_init__(self):
        self._started = self.clock()

    @property
    def elapsed_seconds(self) -> float:
        """Wall time of training, earlier sittings up to the checkpoint they left included."""
        return self._earlier_seconds + self.clock() - self._started

    @property
    def planned_steps(self) -> int:
        """Update number at which training is expected to end."""
        return max(1, round(self.total_steps * self.share))

    @property
    def validates_here(self) -> bool:
        """Whether the current step is one after which to validate."""
        return bool(self.validate_every_steps) and (
            self.step == self.total_steps
            or self.step >= self._due(self.validate_every_steps, self._last_validation)
            or (self.ends_in_time and self.stop_reason == "time")
        )

    @property
    def checkpoints_here(self) -> bool:
        """Whether the current step is one after which to write a checkpoint, whatever its score."""
        return (
            self.stop_reason is not None
            or self.step == self.total_steps
            or self.step >= self._due(self.checkpoint_every_steps, self._last_checkpoint)
        )

    def _due(self, interval, last):
        """The step of the first end of an interval after the step `last`."""
        if isinstance(interval, ShareOfRun):
            return last + interval.updates(self.planned_steps)
        return (last // interval + 1) * interval

    def next_boundary(self) -> int:
        """The step at which the interval that starts now ends."""
        steps = [self.total_steps, self._due(self.checkpoint_every_steps, self._last_checkpoint)]
        if self.validate_every_steps:
            steps.append(self._due(self.validate_every_steps, self._last_validation))
        if self.ends_in_time:
            steps.append(self._next_fit())
        return max(self.step + 1, min(steps))

    def end_interval(self):
        """Notes what was done after the last step of an interval; before the share of the run is measured anew."""
        self._last_validation, self._last_checkpoint = self._done()

    def _done(self):
        """Steps of the last validation and the last checkpoint, those of the current step included."""
        return (
            self.step if self.validates_here else self._last_validation,
            self.step if self.checkpoints_here else self._last_checkpoint,
        )

    def _next_fit(self):
        """A function of the step alone: processes and sittings must agree."""
        step = 0
        while step <= self.step:
            step += max(_FIRST_FITS, step // _FITS_SHARE)
        return step

    @property
    def reserved_seconds(self) -> float:
        """Time to keep for the validation at the end of a run that ends in time."""
        return self.pace.seconds_between["validation"] if self.ends_in_time else 0.0

    def measured_share(self):
        """The share of `total_steps` that time allows at the present pace; None before anything was measured."""
        per_step = self.pace.seconds_per_step
        if per_step is None or self.max_seconds is None:
            return None
        left = max(0.0, self.max_seconds - self.reserved_seconds - self.elapsed_seconds)
        between = 0.0
        for name, interval in self._intervals():
            seconds = self.pace.seconds_between[name]
            if isinstance(interval, ShareOfRun):
                between += seconds * interval.parts / self.max_seconds
            elif interval:
                per_step += seconds / interval
        # One long validation, as on a machine that had other work, must not seem to end the run.
        left *= max(0.5, 1.0 - between)
        updates = self.step + max(0.0, left) / max(per_step, 1e-9)
        return min(1.0, max(updates, 1.0) / self.total_steps)

    def seconds_left(self):
        """Time until the run ends, checkpoints and validations included; None before anything was measured."""
        limit = None if self.max_seconds is None else max(0.0, self.max_seconds - self.elapsed_seconds)
        per_step = self.pace.seconds_per_step
        if per_step is None:
            return limit
        steps = max(0, self.planned_steps - self.step)
        left = steps * per_step
        for name, interval in self._intervals():
            if interval:
                every = interval.updates(self.planned_steps) if isinstance(interval, ShareOfRun) else interval
                left += steps / every * self.pace.seconds_between[name]
        return left if limit is None else min(left, limit)

    def _intervals(self):
        return (("validation", self.validate_every_steps), ("checkpoint", self.checkpoint_every_steps))

    def state_dict(self) -> dict:
        """What a checkpoint keeps of the run, as JSON values."""
        validation, checkpoint = self._done()
        return {
            "step": self.step,
            "intervals": self.intervals,
            "position": list(self.position),
            "elapsed_seconds": self.elapsed_seconds,
            "share": self.share,
            "pace": self.pace.state_dict(),
            "last_validation": validation,
            "last_checkpoint": checkpoint,
        }

    def load_state_dict(self, state: dict):
        """Continues where `state_dict` was taken."""
        self.step = state["step"]
        self.intervals = state["intervals"]
        self.position = tuple(state["position"])
        self._earlier_seconds = state["elapsed_seconds"]
        self._started = self.clock()
        # Those of earlier versions have no more.
        if "pace" in state:
            self.share = state["share"]
            self.pace.load_state_dict(state["pace"])
            self._last_validation, self._last_checkpoint = state["last_validation"], state["last_checkpoint"]
        else:
            self._last_validation = self._last_checkpoint = self.step
