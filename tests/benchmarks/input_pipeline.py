"""How fast batches come: labels a second through the input of training with no model behind it.

    python tests/benchmarks/input_pipeline.py

(with the project installed, or PYTHONPATH=. in the project's directory). Each input is read through the same
`BatchFeed` and dataset as in `zoo.training.train`, shuffled and padded anew each epoch, on one core. Beside it stands
how fast an accelerator would have to train for the input to hold it up. Texts are made up, with the lengths of
Multi30k's; the first epoch of pairs reads and encodes them, which counts apart.
"""

import os
import time
from dataclasses import dataclass

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table
from training_throughput import digits_to_ids, random_pairs

from zoo.data import PairBatches, RowBatches, TokenBlocks
from zoo.errors import UserError, command_line
from zoo.training.batch_feed import BatchFeed

VOCABULARY_SIZE = 8000


@dataclass(frozen=True)
class Options:
    """Measures the input of training alone."""

    seconds: float = 10.0
    """How long each input is read."""
    seed: int = 1
    """Of the made-up texts and of the order of batches."""

    def __post_init__(self):
        if self.seconds <= 0:
            raise UserError(f"--seconds must be above 0, got {self.seconds}")


def inputs(options):
    """The batches of each kind of recipe, by name."""
    pairs = random_pairs(VOCABULARY_SIZE, options.seed)
    ids = digits_to_ids([source for source, _ in pairs])
    common = dict(bos_id=1, eos_id=2, pad_id=0, seed=options.seed)
    return {
        "pairs of texts, 4,096 positions a batch": PairBatches(
            pairs,
            digits_to_ids,
            digits_to_ids,
            batch_size_tokens=4096,
            max_source_length=64,
            max_target_length=64,
            **common,
        ),
        "labelled tokens, 16 rows a batch": RowBatches(
            ids, ids, pad_id=0, batch_size=16, max_length=64, seed=options.seed
        ),
        "blocks of 64 tokens, 12 a batch": TokenBlocks(
            ids, eos_id=2, block_length=64, batch_size=12, seed=options.seed
        ),
        "blocks of 1,024 tokens, 8 a batch": TokenBlocks(
            ids, eos_id=2, block_length=1024, batch_size=8, seed=options.seed
        ),
    }


def measure(batches, seconds):
    """Real labels and batches a second, and the seconds until the first batch."""
    start = time.perf_counter()
    read = iter(BatchFeed(batches).fit_input())
    next(read)
    first = time.perf_counter() - start
    labels = count = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        *_, weights = next(read)
        labels += int(np.count_nonzero(weights))
        count += 1
    return labels / elapsed, count / elapsed, first


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="input_pipeline.py")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    table = Table(title=f"Input of training alone, one core, {options.seconds:g} s each")
    for heading in ("input", "labels/s", "batches/s", "s to the first batch"):
        table.add_column(heading, justify="left" if heading == "input" else "right")
    for name, batches in inputs(options).items():
        labels, count, first = measure(batches, options.seconds)
        table.add_row(name, f"{labels:,.0f}", f"{count:,.0f}", f"{first:.2f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
