"""WordPiece tokenisation, MB/s: this project's graph against the `tokenizers` package, one thread each.

    python tests/benchmarks/wordpiece_throughput.py --vocabulary vocab.txt --text corpus.txt

(with the project installed, or PYTHONPATH=. in the project's directory). The machine should be quiet.

The graph is a SavedModel, run as a server would run it: texts in, ids (and word ids and byte offsets) out, in a process
that has loaded nothing but TensorFlow. The package always computes offsets. Each side runs in a process of its own,
all pinned to one core, and they take turns; ratios are medians over rounds of speeds in the same turn. Every batch is
another one, and memory is looked at after each round: it must not grow with the number of batches. That the sides do
the same work is checked by the sums of all ids.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro
from contestants import Contestant, median, median_ratio, take_turns
from rich.console import Console
from rich.table import Table

from zoo.errors import UserError, command_line

REFERENCE = "tokenizers"
SIGNATURES = {"graph": "encode", "graph with offsets": "tokenize_with_offsets"}


@dataclass(frozen=True)
class Options:
    """Compares the speed of WordPiece tokenisation with the `tokenizers` package's."""

    vocabulary: Path
    """vocab.txt of a BERT model."""
    text: Path
    """Text file, UTF-8; its lines are the texts."""
    cased: bool = False
    """Keep case and accents, for "cased" vocabularies."""
    batch_size: int = 64
    """Texts a batch."""
    batches: int = 250
    """Batches in a round."""
    rounds: int = 7
    """Rounds that count."""
    json: bool = False
    """Print JSON in place of the table."""

    def __post_init__(self):
        for name in ("batch_size", "batches", "rounds"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if not self.text.is_file():
            raise UserError(f"--text {self.text} is no file")
        with self.text.open(encoding="utf-8") as file:
            if not any(line.strip() for line in file):
                raise UserError(f"--text {self.text} has no line with text in it")


def save_graph(options, directory):
    """Writes the tokenizer of the options as a SavedModel with one signature for each of SIGNATURES."""
    import tensorflow as tf

    from zoo.tokenizers import WordPieceTokenizer

    module = tf.Module()
    module.tokenizer = WordPieceTokenizer.from_vocabulary_file(options.vocabulary, lowercase=not options.cased)
    spec = [tf.TensorSpec([None], tf.string, "texts")]

    @tf.function(input_signature=spec, autograph=False)
    def encode(texts):
        token_ids = module.tokenizer.encode(texts)
        return {"token_ids": token_ids.values, "row_splits": token_ids.row_splits}

    @tf.function(input_signature=spec, autograph=False)
    def tokenize_with_offsets(texts):
        tokens = module.tokenizer.tokenize_with_offsets(texts)
        values = {name: part.values for name, part in zip(tokens._fields, tokens, strict=True)}
        return {**values, "row_splits": tokens.token_ids.row_splits}

    signatures = {"encode": encode, "tokenize_with_offsets": tokenize_with_offsets}
    tf.saved_model.save(module, str(directory), signatures=signatures)


def compare(options):
    """Runs the benchmark; returns one dict of results per contestant.

    Raises:
        UserError: if the contestants disagree about the tokens.
    """
    work = {"text": str(options.text), "batch_size": options.batch_size, "num_batches": options.batches}
    with tempfile.TemporaryDirectory() as directory:
        save_graph(options, directory)
        arguments = {"vocabulary": str(options.vocabulary), "lowercase": not options.cased, **work}
        environment = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
        warm_up = ({"start": 0},)
        contestants = [
            Contestant(REFERENCE, "wordpiece_batches:package_batches", arguments, 1, environment, warm_up=warm_up)
        ]
        for name, signature in SIGNATURES.items():
            arguments = {"saved_model": directory, "signature": signature, "threads": 1, **work}
            contestants.append(
                Contestant(name, "wordpiece_batches:graph_batches", arguments, 1, environment, warm_up=warm_up)
            )
        rounds = {contestant.name: [] for contestant in contestants}
        for index in range(options.rounds):
            # Other batches in each round.
            for name, done in take_turns(contestants, 1, start=(index + 1) * options.batches).items():
                rounds[name] += done
        for contestant in contestants:
            contestant.finish()
    return summary(rounds)


def summary(rounds):
    """One dict of results per contestant from its rounds, by name."""
    reference = rounds[REFERENCE]
    for name, done in rounds.items():
        for entry, other in zip(done, reference, strict=True):
            if any(entry.result[key] != other.result[key] for key in ("tokens", "id_sum", "bytes")):
                raise UserError(f"{name} and {REFERENCE} give different tokens: {entry.result} and {other.result}")

    def speed(entry):
        return entry.result["bytes"] / 1e6 / entry.result["seconds"]

    def cpu_speed(entry):
        return entry.result["bytes"] / 1e6 / entry.result["cpu_seconds"]

    return [
        dict(
            name=name,
            megabytes_per_second=median(done, speed),
            megabytes_per_second_by_round=[speed(entry) for entry in done],
            ratio=median_ratio(done, reference, speed),
            megabytes_per_cpu_second=median(done, cpu_speed),
            cpu_ratio=median_ratio(done, reference, cpu_speed),
            resident_mib_by_round=[entry.result["resident_mib"] for entry in done],
            tokens=sum(entry.result["tokens"] for entry in done),
        )
        for name, done in rounds.items()
    ]


def print_table(options, results):
    """One line per contestant."""
    table = Table(
        title=f"WordPiece, {options.text.name}, {options.batch_size} texts a batch, one thread, medians of "
        f"{options.rounds} rounds of {options.batches} batches, {results[0]['tokens']:,} tokens in all"
    )
    table.add_column("contestant")
    headings = ("MB/s", "from - to", "ratio", "MB / CPU s", "CPU ratio", "MiB after the first and last round")
    for heading in headings:
        table.add_column(heading, justify="right")
    for entry in results:
        speeds, memory = entry["megabytes_per_second_by_round"], entry["resident_mib_by_round"]
        table.add_row(
            entry["name"],
            f"{entry['megabytes_per_second']:.2f}",
            f"{min(speeds):.2f} - {max(speeds):.2f}",
            f"{entry['ratio']:.2f}",
            f"{entry['megabytes_per_cpu_second']:.2f}",
            f"{entry['cpu_ratio']:.2f}",
            f"{memory[0]:,.0f} - {memory[-1]:,.0f}",
        )
    Console(width=max(140, Console().width)).print(table)


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="wordpiece_throughput.py")
    results = compare(options)
    if options.json:
        values = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
        print(json.dumps({"options": values, "results": results}, indent=2))
    else:
        print_table(options, results)


if __name__ == "__main__":
    main()
