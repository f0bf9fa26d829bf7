"""Where a training run stands: what the loop and its callbacks share."""

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class TrainingRun:
    """Progress of one run, kept up to date by `train` and read by its callbacks.

    Attributes:
        directory: Folder of the run.
        total_steps: Update number at which training ends.
        checkpoint_every_steps, validate_every_steps: Updates between checkpoints and between validations; 0 is never.
        step: Updates so far, over all sittings.
        intervals: Intervals (Keras epochs) so far.
        position: `(epoch, batch)` of the next batch to train on.
        is_chief: Whether this process writes checkpoints and the history; of several, one does.
        random_states: See `zoo.training.random_states`, as they were after the last step.
        stop_reason: None while training goes on; then as in `zoo.training.TrainingResult`.
    """

    directory: Path
    total_steps: int
    checkpoint_every_steps: int
    validate_every_steps: int = 0
    step: int = 0
    intervals: int = 0
    position: tuple[int, int] = (0, 0)
    random_states: list = field(default_factory=list)
    stop_reason: str | None = None
    is_chief: bool = True
    _earlier_seconds: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_seconds(self) -> float:
        """Wall time of training, earlier sittings up to the checkpoint they left included."""
        return self._earlier_seconds + time.monotonic() - self._started

    @property
    def validates_here(self) -> bool:
        """Whether the current step is one after which to validate."""
        return bool(self.validate_every_steps) and (
            self.step == self.total_steps or self.step % self.validate_every_steps == 0
        )

    @property
    def checkpoints_here(self) -> bool:
        """Whether the current step is one after which to write a checkpoint, whatever its score."""
        return (
            self.stop_reason is not None
            or self.step == self.total_steps
            or self.step % self.checkpoint_every_steps == 0
        )

    def next_boundary(self) -> int:
        """The step at which the interval that starts now ends."""
        periods = [period for period in (self.checkpoint_every_steps, self.validate_every_steps) if period]
        return min([self.total_steps, *((self.step // period + 1) * period for period in periods)])

    def state_dict(self) -> dict:
        """What a checkpoint keeps of the run, as JSON values."""
        return {
            "step": self.step,
            "intervals": self.intervals,
            "position": list(self.position),
            "elapsed_seconds": self.elapsed_seconds,
        }

    def load_state_dict(self, state: dict):
        """Continues where `state_dict` was taken."""
        self.step = state["step"]
        self.intervals = state["intervals"]
        self.position = tuple(state["position"])
        self._earlier_seconds = state["elapsed_seconds"]
        self._started = time.monotonic()
