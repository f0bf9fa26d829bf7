"""Progress of predictions on standard error: a bar on a terminal, a line now and then elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class PredictionProgress:
    """Shows how many texts have been answered, how fast, and how long the rest will take.

    Args:
        total: Number of texts; None if it is not known.
        line_every_seconds: Plain lines come no more often than this.
    """

    def __init__(self, total, line_every_seconds=10.0):
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._total, self._every = total, line_every_seconds
        self._done, self._bar = 0, None

    def __enter__(self):
        self._began = self._line_at = time.monotonic()
        if self._console.is_terminal:
            columns = (BarColumn(bar_width=None), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total, speed="")
        return self

    def advance(self, count):
        """Counts texts that have been answered."""
        self._done += count
        now = time.monotonic()
        speed = f"{self._done / max(now - self._began, 1e-9):,.1f} texts/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, speed=speed)
        elif now - self._line_at >= self._every:
            self._line_at = now
            of_total = "" if self._total is None else f" of {self._total:,}"
            self._console.print(f"{self._done:,}{of_total} texts, {speed}")

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.stop()

    def say(self, line):
        """Prints a line."""
        self._console.print(line, markup=False)

    def report(self, where):
        """Says how many texts were answered in what time."""
        seconds = time.monotonic() - self._began
        self.say(f"{self._done:,} texts in {seconds:.1f} s{where}")
