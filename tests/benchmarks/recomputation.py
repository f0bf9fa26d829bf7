"""Memory and seconds of a training update of GPT-2 with and without recomputation of its blocks, as rows get longer.

    python tests/benchmarks/recomputation.py      # some minutes; a quiet machine

Each context with and without is a process of its own, so that its peak memory is its own; the two of a context take
turns. What importing, weights, their gradients and the optimizer take is measured by a process that trains on rows of
one token; the memory shown is what comes on top, for activations.
"""

import json
from dataclasses import asdict, dataclass
from typing import Literal

import tyro
from contestants import Contestant, median, median_ratio, take_turns
from rich.console import Console
from rich.table import Table

from zoo.errors import UserError, command_line

KEPT, RECOMPUTED = "kept", "recomputed"


@dataclass(frozen=True)
class Options:
    """Measures what recomputation saves and costs."""

    context: tuple[int, ...] = (256, 512, 1024)
    """Tokens of a row."""
    batch: int = 4
    """Rows of a batch."""
    depth: int = 8
    """Blocks."""
    hidden_dim: int = 256
    """Width, with heads of 32."""
    vocabulary_size: int = 1000
    """Tokens of the vocabulary."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Precision of training."""
    updates: int = 2
    """Updates in a round."""
    rounds: int = 3
    """Rounds that count."""
    threads: int = 2
    """CPU cores and threads."""
    json: bool = False
    """Print JSON in place of the table."""

    def __post_init__(self):
        for name in ("batch", "depth", "hidden_dim", "vocabulary_size", "updates", "rounds", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if self.hidden_dim % 32:
            raise UserError(f"--hidden-dim must be a multiple of 32, got {self.hidden_dim}")
        if not self.context or min(self.context) < 1:
            raise UserError("--context needs numbers from 1 up")


def contestant(options, name, context, recompute):
    """The process of one way of training."""
    names = ("batch", "depth", "hidden_dim", "vocabulary_size", "precision", "updates", "threads")
    of_process = {name: getattr(options, name) for name in names}
    of_process |= {"context": context, "recompute": recompute}
    return Contestant(name, "gpt2_updates:gpt2_updates", of_process, options.threads)


def measure(options):
    """A dict for each context: seconds of an update and MiB on top of a process at rest, by way, and their ratios."""
    alone = contestant(options, "rows of one token", 1, False)
    at_rest = alone.finish()
    found = []
    for context in options.context:
        both = [
            contestant(options, f"{context} tokens, {name}", context, name == RECOMPUTED) for name in (KEPT, RECOMPUTED)
        ]
        kept, recomputed = take_turns(both, options.rounds).values()
        memory = [each.finish() - at_rest for each in both]
        found.append(
            {
                "context": context,
                "seconds": [median(rounds, _seconds) for rounds in (kept, recomputed)],
                "memory_mib": memory,
                "ratio_of_seconds": median_ratio(recomputed, kept, _seconds),
                "ratio_of_memory": memory[1] / memory[0],
            }
        )
    return found


def _seconds(round_):
    return round_.result["seconds"]


def run(options):
    """Measures and prints."""
    found = measure(options)
    if options.json:
        print(json.dumps({"options": asdict(options), "contexts": found}))
        return
    table = Table(title=f"{options.batch} rows, {options.depth} blocks of width {options.hidden_dim}; an update")
    for column in ("tokens", "MiB, kept", "recomputed", "ratio", "s, kept", "recomputed", "ratio"):
        table.add_column(column, justify="right")
    for row in found:
        table.add_row(
            f"{row['context']:,}",
            *(f"{value:,.0f}" for value in row["memory_mib"]),
            f"{row['ratio_of_memory']:.2f}",
            *(f"{value:.2f}" for value in row["seconds"]),
            f"{row['ratio_of_seconds']:.2f}",
        )
    Console().print(table)


@command_line
def main():
    run(tyro.cli(Options))


if __name__ == "__main__":
    main()
