"""Progress of training on standard error: a bar on a terminal, a line now and then elsewhere."""

import math
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from zoo.training.constant_metrics import ConstantMetrics
from zoo.training.training_callback import TrainingCallback


def duration(seconds) -> str:
    """Formats seconds as `h:mm:ss` or `m:ss`.

    Example:
        >>> duration(3725.2)
        '1:02:05'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def flops_per_second(value) -> str:
    """Formats FLOP/s in the unit that suits them.

    Example:
        >>> flops_per_second(3.21e12)
        '3.2 TFLOP/s'
    """
    return f"{value / 1e12:,.1f} TFLOP/s" if value >= 1e12 else f"{value / 1e9:,.1f} GFLOP/s"


class Progress(TrainingCallback):
    """Shows step, loss, learning rate, speed and the time left, and each validation on a line of its own.

    Args:
        file: Where to write; standard error by default. If it is no terminal, each report becomes a plain line.
        line_every_seconds: Plain lines come no more often than this, except the last one and validations.
    """

    chief_only = True

    def __init__(self, file=None, line_every_seconds=10.0):
        super().__init__()
        self._console = Console(file=file or sys.stderr, highlight=False, soft_wrap=True)
        self._line_every_seconds = line_every_seconds
        self._bar = None
        self._constant = ConstantMetrics()

    def on_train_begin(self, logs=None):
        """Starts the bar, at the step that was restored."""
        self._first_step = self.run.step
        self._began = time.monotonic()
        self._line_due = -math.inf
        if self._first_step:
            self._console.print(f"going on from step {self._first_step} of {self.run.total_steps}")
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[report]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self.run.total_steps, completed=self._first_step, report="")

    def on_log(self, report):
        """Shows one report."""
        seconds = time.monotonic() - self._began
        # Validations and checkpoints are in this average, so that the time left includes those to come.
        left = (self.run.total_steps - report["step"]) * seconds / max(report["step"] - self._first_step, 1)
        parts = [f"loss {report['loss']:.4f}"]
        if "learning_rate" in report:
            parts.append(f"lr {report['learning_rate']:.2e}")
        parts.append(f"{report['tokens_per_second']:,.0f} tokens/s")
        if "model_flops_per_second" in report:
            parts.append(flops_per_second(report["model_flops_per_second"]))
        if "mfu" in report:
            parts.append(f"MFU {report['mfu']:.1%}")
        parts.append(f"{duration(left)} left")
        text = "  ".join(parts)
        if self._bar is not None:
            self._bar.update(self._task, completed=report["step"], report=text)
        elif seconds >= self._line_due or report["step"] == self.run.total_steps:
            self._line_due = seconds + self._line_every_seconds
            self._console.print(f"step {report['step']}/{self.run.total_steps}  {text}")

    def on_epoch_end(self, epoch, logs=None):
        """Shows the results of a validation, if this was one."""
        values = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        if values:
            values.pop("val_seconds", None)
            shown = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
            self._console.print(f"step {self.run.step}  validation: {shown}")
            for line in self._constant.see(values):
                self._console.print(line)

    def on_train_end(self, logs=None):
        """Removes the bar and says why training ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        reasons = {
            "finished": "finished",
            "early_stopping": "stopped early",
            "time": "out of time",
            "callback": "stopped by a callback",
            "preempted": "told to end by SIGTERM",
        }
        reason = reasons.get(self.run.stop_reason, "interrupted")
        self._console.print(f"{reason} at step {self.run.step} after {duration(self.run.elapsed_seconds)}")
