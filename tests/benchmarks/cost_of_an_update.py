"""Seconds of a training update of GPT-2 as its batch, its context and its depth grow, with the measured exponents.

    python tests/benchmarks/cost_of_an_update.py --plot cost_of_an_update.png      # some minutes; a quiet machine

One model for each size, in one process; the sizes take turns, so that all see the same machine. A round is some updates
on the same batch; the median round counts. The exponent of a quantity is the slope of log seconds over log size, by
least squares over all its sizes; beside it stands the local one, between the two largest, which tells what is to come.
With n sizes of an attention over S tokens the terms are known: matrices cost B * S * L, attention B * S^2 * L.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from gpt2_updates import GPT2Updates
from rich.console import Console
from rich.table import Table

from zoo.errors import UserError, command_line

QUANTITIES = ("batch", "context", "depth")


@dataclass(frozen=True)
class Options:
    """Measures what an update costs."""

    batch: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Rows of a batch."""
    context: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Tokens of a row."""
    depth: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Blocks."""
    base: tuple[int, int, int] = (4, 128, 4)
    """Batch, context and depth where another quantity grows."""
    hidden_dim: int = 128
    """Width, with heads of 32."""
    vocabulary_size: int = 1000
    """Tokens of the vocabulary."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Precision of training."""
    updates: int = 3
    """Updates in a round."""
    rounds: int = 5
    """Rounds that count."""
    plot: Path | None = None
    """Where to draw the times, a PNG."""

    def __post_init__(self):
        for name in ("hidden_dim", "vocabulary_size", "updates", "rounds"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if self.hidden_dim % 32:
            raise UserError(f"--hidden-dim must be a multiple of 32, got {self.hidden_dim}")
        for name in QUANTITIES:
            if min(getattr(self, name)) < 1 or len(set(getattr(self, name))) < 2:
                raise UserError(f"--{name} needs two different numbers at the least, from 1 up")

    def sizes(self):
        """Pairs of a quantity and its values, each with all three numbers."""
        for place, name in enumerate(QUANTITIES):
            for value in sorted(set(getattr(self, name))):
                yield name, value, tuple(value if at == place else other for at, other in enumerate(self.base))


def measure(options):
    """Seconds by size, dict from (quantity, value) to the median round."""
    sizes = list(options.sizes())
    same = {name: getattr(options, name) for name in ("hidden_dim", "vocabulary_size", "precision", "updates")}
    updates = {size: GPT2Updates(*size, **same) for size in {size for _, _, size in sizes}}
    for update in updates.values():
        update.seconds()  # traced, and buffers allocated
    rounds = {size: [] for size in updates}
    for _ in range(options.rounds):
        for size, update in updates.items():
            rounds[size].append(update.seconds())
    return {(name, value): statistics.median(rounds[size]) for name, value, size in sizes}


def exponents(seconds, name):
    """Slope of log seconds over log size, over all sizes of a quantity and between the two largest."""
    values, times = np.log(curve(seconds, name))
    return float(np.polyfit(values, times, 1)[0]), float((times[-1] - times[-2]) / (values[-1] - values[-2]))


def curve(seconds, name):
    """Values and seconds of a quantity, two arrays in the order of the values."""
    values = sorted(value for quantity, value in seconds if quantity == name)
    return np.array(values, float), np.array([seconds[name, value] for value in values])


def draw(options, seconds):
    """The picture of the times."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    figure = Figure(figsize=(10, 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 3, sharey=True), QUANTITIES, strict=True):
        values, times = curve(seconds, name)
        axes.loglog(values, 1000 * times, marker="o")
        axes.set_xticks(values, [f"{value:.0f}" for value in values])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.minorticks_off()
        overall, local = exponents(seconds, name)
        axes.set_xlabel({"batch": "rows of a batch", "context": "tokens of a row", "depth": "blocks"}[name])
        axes.set_title(f"exponent {overall:.2f}, at the end {local:.2f}")
    figure.axes[0].set_ylabel("milliseconds per update")
    figure.suptitle(f"GPT-2 of width {options.hidden_dim}; {options.base} rows, tokens and blocks where others grow")
    figure.savefig(options.plot, dpi=120)


def run(options):
    """Measures, prints and draws."""
    seconds = measure(options)
    console = Console()
    for name in QUANTITIES:
        overall, local = exponents(seconds, name)
        table = Table(title=f"{name}: exponent {overall:.2f}, between the two largest {local:.2f}")
        table.add_column(name, justify="right")
        table.add_column("ms per update", justify="right")
        for value, time_ in zip(*curve(seconds, name), strict=True):
            table.add_row(f"{value:.0f}", f"{1000 * time_:,.1f}")
        console.print(table)
    if options.plot is not None:
        draw(options, seconds)


@command_line
def main():
    run(tyro.cli(Options))


if __name__ == "__main__":
    main()
