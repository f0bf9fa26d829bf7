"""Tokens per second of training updates for entities: this project against transformers on PyTorch.

    python tests/benchmarks/entity_training_throughput.py PRETRAINED_DIR --rounds 3

Contestants train on the same batches of WNUT-17, cut by the recipe's own code, with the same weights, loss, AdamW and
clipping, each in a process of its own, pinned to the same cores with as many threads, in turns; see
`training_throughput.py`. Every real token counts, those between special tokens, padding not. The machine must be quiet.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import tyro
from batch_file import save_batches
from contestants import Contestant
from update_speeds import measure_speeds, print_speeds

from zoo.errors import UserError, command_line

LEARNING_RATE = 5e-5
WINDOW = 128

CONTESTANTS = {
    "keras": dict(backend="tensorflow", precision="float32", compiled=False),
    "keras-bfloat16": dict(backend="tensorflow", precision="mixed_bfloat16", compiled=False),
    "keras-jit": dict(backend="tensorflow", precision="float32", compiled=True),
    "keras-jax": dict(backend="jax", precision="float32", compiled=True),
    "torch": dict(backend=None, precision="float32", compiled=False),
    "torch-bfloat16": dict(backend=None, precision="bfloat16", compiled=False),
    "torch-compile": dict(backend=None, precision="float32", compiled=True),
}


@dataclass(frozen=True)
class Options:
    """Compares the speed of fine-tuning updates with that of transformers."""

    pretrained: tyro.conf.Positional[Path]
    """Hugging Face directory of an encoder."""
    contestants: tuple[Literal[tuple(CONTESTANTS)], ...] = ("keras", "keras-bfloat16", "torch", "torch-compile")
    """Who takes part; "keras-*" are this project's, "-jit" and "-compile" compile (minutes of compilation)."""
    batch_size: int = 16
    """Rows of a batch."""
    batches: int = 10
    """Updates in a round."""
    rounds: int = 5
    """Rounds that count."""
    threads: int = 2
    """CPU cores and threads of every contestant."""
    seed: int = 1
    """Seed of the batches, the head and dropout."""
    json: bool = False
    """Print JSON in place of the table."""

    def __post_init__(self):
        for name in ("batch_size", "batches", "rounds", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if not self.contestants:
            raise UserError("--contestants needs at least one name")


def make_batches(options, compiled):
    """The batches of a round, and the number of labels of a token."""
    from zoo.data import RowBatches, open_dataset
    from zoo.data.batches.entity_rows import entity_rows
    from zoo.data.batches.label_alignment import TagIds
    from zoo.data.readers.entities import entity_labels
    from zoo.tasks import load_pretrained_encoder

    texts = list(open_dataset("wnut17").train)
    tag_ids = TagIds(entity_labels(texts))
    _, tokenizer = load_pretrained_encoder(options.pretrained, pooler=False)
    rows = entity_rows(
        texts,
        tokenizer.tokenize_with_offsets,
        tag_ids,
        bos_id=tokenizer.bos_id,
        eos_id=tokenizer.eos_id,
        window=WINDOW,
        overlap=32,
        subwords="all",
    )
    batches = RowBatches(
        rows.token_ids,
        rows.tag_ids,
        rows.weights,
        pad_id=tokenizer.pad_id,
        batch_size=options.batch_size,
        max_length=WINDOW,
        seed=options.seed,
        fixed_rows=compiled,
    )
    return list(islice(batches.epoch(0), options.batches)), len(tag_ids.tags)


def start(options, name, paths, num_labels):
    """Starts a contestant by name."""
    work = CONTESTANTS[name]
    function = "torch_entity_updates" if work["backend"] is None else "keras_entity_updates"
    arguments = dict(
        path=str(paths[work["compiled"]]),
        pretrained=str(options.pretrained.resolve()),
        precision=work["precision"],
        compiled=work["compiled"],
        num_labels=num_labels,
        learning_rate=LEARNING_RATE,
        threads=options.threads,
        seed=options.seed,
    )
    environment = {} if work["backend"] is None else {"KERAS_BACKEND": work["backend"]}
    return Contestant(name, f"entity_updates:{function}", arguments, options.threads, environment)


def compare(options):
    """Runs the benchmark; returns one dict of results per contestant."""
    with tempfile.TemporaryDirectory() as directory:
        paths = {}
        for compiled in {CONTESTANTS[name]["compiled"] for name in options.contestants}:
            paths[compiled] = Path(directory) / f"batches-{compiled}.npz"
            batches, num_labels = make_batches(options, compiled)
            save_batches(batches, paths[compiled])
        contestants = [start(options, name, paths, num_labels) for name in options.contestants]
        return measure_speeds(contestants, options.rounds)


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="entity_training_throughput.py")
    results = compare(options)
    if options.json:
        shown = {**asdict(options), "pretrained": str(options.pretrained)}
        print(json.dumps({"options": shown, "results": results}, indent=2))
        return
    title = (
        f"Fine-tuning on WNUT-17, {results[0]['parameters']:,} parameters, {options.batch_size} rows a batch, "
        f"{options.threads} threads, medians of {options.rounds} rounds of {options.batches} updates"
    )
    print_speeds(title, "labelled tokens/s", results)


if __name__ == "__main__":
    main()
