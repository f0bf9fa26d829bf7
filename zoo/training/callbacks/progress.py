"""Progress of training on standard error: a bar on a terminal, a line now and then elsewhere and in a file."""

import math
import sys
import threading
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from zoo.errors import UserError
from zoo.training.callbacks.constant_metrics import ConstantMetrics
from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.writing import writing

LOG_NAME = "progress.log"


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

    The same lines go to `progress.log` in the run's directory. Where nothing is to be reported for a while, as during
    a long validation or the compilation of the first update, a line says that the run is alive.

    Args:
        file: Where to write; standard error by default. If it is no terminal, each report becomes a plain line.
        line_every_seconds: Plain lines come no more often than this, except the last one and validations.
        silent_seconds: At most so much time passes between two lines.
    """

    chief_only = True

    def __init__(self, file: Any = None, line_every_seconds: float = 10.0, silent_seconds: float = 25.0):
        super().__init__()
        self._console = Console(file=file or sys.stderr, highlight=False, soft_wrap=True)
        self._line_every_seconds = line_every_seconds
        self._silent_seconds = silent_seconds
        self._bar = None
        self._constant = ConstantMetrics()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watch = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the bar, at the step that was restored."""
        self._line_due = -math.inf
        if self.run.step:
            self._say(f"going on from step {self.run.step} of {self.run.planned_steps}")
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[report]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self.run.planned_steps, completed=self.run.step, report="")
        self._last_line = time.monotonic()
        self._ended.clear()
        self._watch = threading.Thread(target=self._break_silence, daemon=True)
        self._watch.start()

    def on_log(self, report: Any) -> None:
        """Shows one report."""
        parts = [f"loss {report['loss']:.4f}"]
        if "learning_rate" in report:
            parts.append(f"lr {report['learning_rate']:.2e}")
        parts.append(f"{report['tokens_per_second']:,.0f} tokens/s")
        if "model_flops_per_second" in report:
            parts.append(flops_per_second(report["model_flops_per_second"]))
        if "mfu" in report:
            parts.append(f"MFU {report['mfu']:.1%}")
        left = self.run.seconds_left()
        if left is not None:
            parts.append(f"{duration(left)} left")
        text = "  ".join(parts)
        total = self.run.planned_steps
        if self._bar is not None:
            self._bar.update(self._task, total=total, completed=report["step"], report=text)
        now = time.monotonic()
        if now >= self._line_due or report["step"] == self.run.total_steps:
            self._line_due = now + self._line_every_seconds
            self._say(f"step {report['step']}/{total}  {text}", to_console=self._bar is None)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Shows the results of a validation, if this was one."""
        values = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        if values:
            values.pop("val_seconds", None)
            shown = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
            self._say(f"step {self.run.step}  validation: {shown}")
            for line in self._constant.see(values):
                self._say(line)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Removes the bar and says why training ended."""
        self._ended.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        reasons: dict[str | None, str] = {
            "finished": "finished",
            "early_stopping": "stopped early",
            "time": "out of time",
            "callback": "stopped by a callback",
            "preempted": "told to end by SIGTERM",
        }
        reason = reasons.get(self.run.stop_reason, "interrupted")
        self._say(f"{reason} at step {self.run.step} after {duration(self.run.elapsed_seconds)}")

    def _say(self, line, to_console=True):
        """Writes a line to the log and, but where the bar shows the same, to the console."""
        with self._lock:
            self._last_line = time.monotonic()
            if to_console:
                self._console.print(line, markup=False)
            path = self.run.directory / LOG_NAME
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")

    def _break_silence(self):
        """Runs on a thread of its own, since what takes long is one call of the thread that trains."""
        while not self._ended.wait(self._silent_seconds / 5):
            if time.monotonic() - self._last_line < self._silent_seconds:
                continue
            left = self.run.seconds_left()
            left = "" if left is None else f", {duration(left)} left"
            try:
                self._say(
                    f"step {self.run.step}/{self.run.planned_steps}  at work for "
                    f"{duration(self.run.elapsed_seconds)}{left}",
                    to_console=self._bar is None,
                )
            except UserError:
                # The disk is full, say: the thread that trains will meet it too, and can tell the user.
                return
