"""Beam search from text to text: the exported SavedModel against CTranslate2 with the same weights.

    python tests/benchmarks/decoding_speed.py runs/multi30k --dataset multi30k          # exports for itself
    python tests/benchmarks/decoding_speed.py runs/multi30k serving/multi30k/1 --source sentences.en

(with the project and CTranslate2 installed, or PYTHONPATH=. in the project's directory). The machine must be quiet.

The preset's weights are written as a CTranslate2 model (`ctranslate2_conversion.py`), which runs in float32. Both
engines get the same batches of text, sorted by length, and return text: each tokenises for itself inside the clock, the
SavedModel in its graph, CTranslate2 by the `sentencepiece` package from the preset's own model. Each runs in a process
of its own, both pinned to the same cores with as many threads, and they take turns; every ratio is a median over rounds
of speeds in the same turn. First a table shows that both do the same work: the share of equal texts with greedy search
and with beams. Where they differ, either near-ties fell differently, or CTranslate2 stopped at `num_beams` finished
hypotheses where this project goes on until nothing better can come. Target tokens are counted with the preset's
tokenizer, end tokens included.
"""

import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import keras
import tyro
from contestants import Contestant, median, median_ratio, take_turns
from rich.console import Console
from rich.table import Table

import zoo
from zoo.data import open_dataset
from zoo.errors import UserError, command_line
from zoo.tasks import Translator

DEFAULT_NUM_BEAMS = 4


@dataclass(frozen=True)
class Options:
    """Compares the speed of exported beam search with CTranslate2's."""

    preset: tyro.conf.Positional[Path]
    """Directory of a translator."""
    saved_model: tyro.conf.Positional[Path | None] = None
    """An exported version of it, such as serving/translation/1; exported to a temporary directory if left out."""
    signature: Literal["serving_default", "generate"] = "serving_default"
    """Signature of the SavedModel."""
    num_beams: int | None = None
    """Beams; by default 4, or the preset's setting if a SavedModel is given, which must have been exported with it."""
    source: Path | None = None
    """File of source sentences, one a line."""
    dataset: str | None = None
    """Named data set whose test split to translate; the preset's own examples if neither it nor --source is given."""
    lines: int = 200
    """Sentences to translate in a round, from the first."""
    batch_sizes: tuple[int, ...] = (1, 32)
    """Sentences a batch."""
    rounds: int = 5
    """Rounds that count."""
    threads: int = 2
    """CPU cores and threads of each engine."""
    json: bool = False
    """Print JSON in place of the tables."""

    def __post_init__(self):
        for name in ("lines", "rounds", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 1, got {getattr(self, name)}")
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise UserError(f"--batch-sizes must be numbers of at least 1, got {self.batch_sizes}")
        if self.source is not None and self.dataset is not None:
            raise UserError("give either --source or --dataset")
        if self.saved_model is not None and not (self.saved_model / "saved_model.pb").is_file():
            raise UserError(f"{self.saved_model} holds no SavedModel: give a version's directory")


def read_sources(options, task):
    """Source texts, blank ones left out, sorted by length."""
    if options.source is not None:
        if not options.source.is_file():
            raise UserError(f"{options.source} is not a file")
        texts = options.source.read_text(encoding="utf-8").splitlines()
    elif options.dataset is not None:
        texts = [source for source, _ in open_dataset(options.dataset).test]
    else:
        texts = task.examples
    texts = [text for text in texts if text.strip()][: options.lines]
    if not texts:
        raise UserError("there is nothing to translate: give --source or --dataset")
    tokens = task.source_tokenizer.encode(texts).row_lengths().numpy()
    return [text for _, text in sorted(zip(tokens.tolist(), texts, strict=True))]


def load_task(options):
    """The translator of the preset, with the settings of the benchmark."""
    if keras.config.backend() != "tensorflow":
        raise UserError("this benchmark needs KERAS_BACKEND=tensorflow")
    task = zoo.load(options.preset)
    if not isinstance(task, Translator):
        raise UserError(f"{options.preset} holds a {type(task).__name__}, not a Translator")
    settings = task.settings
    if options.saved_model is None:
        settings = replace(settings, num_beams=options.num_beams or DEFAULT_NUM_BEAMS, length_penalty_type="average")
    elif options.num_beams not in (None, settings.num_beams):
        raise UserError(f"--num-beams {options.num_beams}: the preset was exported with {settings.num_beams}")
    if settings.length_penalty_type != "average" or settings.no_repeat_ngram_size or settings.min_new_tokens:
        raise UserError(
            "the preset's settings have no equal in CTranslate2 (length_penalty_type other than average, "
            "no_repeat_ngram_size, min_new_tokens): leave out the SavedModel, or change them and export again"
        )
    return with_settings(task, settings)


def with_settings(task, settings):
    """The same translator with other settings."""
    return Translator(task.model, task.source_tokenizer, task.target_tokenizer, settings, task.examples)


def export_unchecked(task, directory):
    """Writes just the SavedModel, without the checks of a real export."""
    import tensorflow as tf

    from export.signatures import ServedTask, build_signatures, in_form
    from zoo.weights import PackedWeights

    with in_form(task, PackedWeights()) as served:
        tf.saved_model.save(ServedTask(served), str(directory), signatures=build_signatures(served))
    return directory


def start_engines(options, task, sources, saved_model, model, warm_up):
    """The two contestants, ready."""
    from ctranslate2_conversion import aligned_options

    settings = task.settings
    names = ("max_new_tokens", "min_new_tokens", "length_penalty")
    controls = {name: getattr(settings, name) for name in names} if options.signature == "generate" else {}
    return [
        Contestant(
            "SavedModel",
            "saved_model_text:saved_model_batches",
            dict(
                directory=str(saved_model),
                signature=options.signature,
                controls=controls,
                sources=sources,
                threads=options.threads,
            ),
            options.threads,
            warm_up=warm_up,
        ),
        Contestant(
            "CTranslate2",
            "ctranslate2_text:ctranslate2_batches",
            dict(
                directory=str(model),
                sources=sources,
                options=aligned_options(settings, settings.num_beams),
                threads=options.threads,
            ),
            options.threads,
            warm_up=warm_up,
        ),
    ]


def agreement(ours, theirs):
    """How far two results agree: share of equal texts, and the difference of scores where they are."""
    equal = [index for index, text in enumerate(ours["texts"]) if text == theirs["texts"][index]]
    differences = [abs(ours["scores"][index] - theirs["scores"][index]) for index in equal]
    return dict(
        equal_texts=len(equal) / len(ours["texts"]),
        largest_score_difference_where_equal=max(differences, default=None),
        mean_score=statistics.fmean(ours["scores"]),
        mean_score_ctranslate2=statistics.fmean(theirs["scores"]),
    )


def compare(options):
    """Runs the benchmark; returns the agreement of the engines and their speeds."""
    from ctranslate2_conversion import convert

    task = load_task(options)
    sources = read_sources(options, task)
    largest = max(options.batch_sizes)
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        convert(task.model, task.source_tokenizer, task.target_tokenizer, directory / "ctranslate2")
        saved_model = options.saved_model or export_unchecked(task, directory / "beams")
        greedy = with_settings(task, replace(task.settings, num_beams=1))
        greedy_model = export_unchecked(greedy, directory / "greedy")

        model = directory / "ctranslate2"
        engines = start_engines(options, greedy, sources, greedy_model, model, [dict(batch_size=largest)])
        agreements = {"greedy": agreement(*(engine.warm_up_rounds[0].result for engine in engines))}
        for engine in engines:
            engine.finish()

        warm_up = [dict(batch_size=batch_size) for batch_size in options.batch_sizes]
        engines = start_engines(options, task, sources, saved_model, model, warm_up)
        name = f"{task.settings.num_beams} beams"
        agreements[name] = agreement(*(engine.warm_up_rounds[0].result for engine in engines))
        rounds = {size: take_turns(engines, options.rounds, batch_size=size) for size in options.batch_sizes}
        peaks = {engine.name: engine.finish() for engine in engines}

    def tokens(texts):
        return int(task.target_tokenizer.encode(texts).flat_values.shape[0]) + len(texts)

    def speed(entry):
        return tokens(entry.result["texts"]) / entry.wall_seconds

    def cpu_speed(entry):
        return tokens(entry.result["texts"]) / entry.cpu_seconds

    speeds = [
        dict(
            batch_size=batch_size,
            name=name,
            tokens_per_second=median(done, speed),
            tokens_per_second_by_round=[speed(entry) for entry in done],
            ratio_to_ctranslate2=median_ratio(done, by_name["CTranslate2"], speed),
            cpu_seconds_per_1000_tokens=1000 / median(done, cpu_speed),
            cpu_ratio_to_ctranslate2=median_ratio(done, by_name["CTranslate2"], cpu_speed),
            peak_memory_mib=peaks[name],
        )
        for batch_size, by_name in rounds.items()
        for name, done in by_name.items()
    ]
    return dict(sentences=len(sources), num_beams=task.settings.num_beams, agreement=agreements, speeds=speeds)


def print_tables(options, results):
    """Whether both do the same, and how fast."""
    console = Console(width=max(160, Console().width))
    table = Table(title=f"Equal results of SavedModel and CTranslate2, {results['sentences']} sentences")
    table.add_column("search")
    for heading in ("equal texts", "largest score difference", "mean score", "mean score of CTranslate2"):
        table.add_column(heading, justify="right")
    for name, entry in results["agreement"].items():
        difference = entry["largest_score_difference_where_equal"]
        table.add_row(
            name,
            f"{entry['equal_texts']:.1%}",
            "-" if difference is None else f"{difference:.1e}",
            f"{entry['mean_score']:.5f}",
            f"{entry['mean_score_ctranslate2']:.5f}",
        )
    console.print(table)
    table = Table(
        title=f"Text to text, {results['num_beams']} beams, {options.threads} threads, "
        f"medians of {options.rounds} rounds of {results['sentences']} sentences"
    )
    table.add_column("batch size", justify="right")
    table.add_column("engine")
    for heading in ("target tokens/s", "from - to", "ratio", "CPU s / 1000 tokens", "CPU ratio", "peak MiB"):
        table.add_column(heading, justify="right")
    for entry in results["speeds"]:
        by_round = entry["tokens_per_second_by_round"]
        table.add_row(
            str(entry["batch_size"]),
            entry["name"],
            f"{entry['tokens_per_second']:,.0f}",
            f"{min(by_round):,.0f} - {max(by_round):,.0f}",
            f"{entry['ratio_to_ctranslate2']:.2f}",
            f"{entry['cpu_seconds_per_1000_tokens']:.2f}",
            f"{entry['cpu_ratio_to_ctranslate2']:.2f}",
            f"{entry['peak_memory_mib']:,.0f}",
        )
    console.print(table)


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="decoding_speed.py")
    results = compare(options)
    if options.json:
        json.dump({"options": asdict(options), **results}, sys.stdout, indent=2, default=str)
        print()
    else:
        print_tables(options, results)


if __name__ == "__main__":
    main()
