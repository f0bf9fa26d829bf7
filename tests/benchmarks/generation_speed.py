"""Greedy text generation: the exported SavedModel of a GPT-2 or Llama against CTranslate2, transformers and KerasHub.

    python tests/benchmarks/generation_speed.py VOCABULARY_DIR                 # GPT-2 small of random weights
    python tests/benchmarks/generation_speed.py --preset PRESET                # a trained one, or a GGUF file
    python tests/benchmarks/generation_speed.py VOCABULARY_DIR --contestants SavedModel KerasHub --batch-sizes 8
    python tests/benchmarks/generation_speed.py VOCABULARY_DIR --lengths 64 256 960 --plot cost.png

(with the project, transformers and CTranslate2 installed, KerasHub for its contestants, which run GPT-2 alone;
VOCABULARY_DIR holds GPT-2's encoder.json and vocab.bpe; a preset has a tokenizer of byte pairs). The machine must be
quiet.

All have the same weights, in float32 (SavedModel-bfloat16: rounded to bfloat16, and computing so), and get the same
prompts of as many tokens; each writes as many new ones, an end token never comes. The SavedModel takes text and returns
text; the others get token ids and return them, so tokenisation counts against the SavedModel alone. Only KerasHub-XLA
uses XLA. Each runs in a process of its own, all pinned to the same cores with as many threads, and they take turns;
ratios are medians over rounds of speeds in the same turn. The share of equal continuations shows that all do the same
work.
With `--lengths` the SavedModel alone continues prompts of these lengths, and the time of a new token is printed and
drawn.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from contestants import Contestant, median, median_ratio, take_turns
from rich.console import Console
from rich.table import Table

from zoo.errors import UserError, command_line

CONTESTANTS = ("SavedModel", "SavedModel-bfloat16", "CTranslate2", "transformers", "KerasHub", "KerasHub-XLA")
SAVED_MODELS = {"SavedModel": "float32", "SavedModel-bfloat16": "bfloat16"}
"""The contestants that are exports, and what they compute in."""


@dataclass(frozen=True)
class Options:
    """Compares the speed of exported text generation with that of other programs."""

    vocabulary: tyro.conf.Positional[Path | None] = None
    """Directory of GPT-2's encoder.json and vocab.bpe, for a model of random weights."""
    preset: Path | None = None
    """Directory or GGUF file of a trained GPT-2 or Llama, in place of one of random weights."""
    contestants: tuple[Literal[CONTESTANTS], ...] = ("SavedModel", "CTranslate2", "transformers")
    """Who takes part."""
    num_layers: int = 12
    """Blocks; 12 is GPT-2 small with 124 million parameters."""
    hidden_dim: int = 768
    """Width, with heads of 64."""
    prompt_tokens: int = 32
    """Tokens of a prompt."""
    new_tokens: int = 64
    """Tokens of a continuation."""
    batch_sizes: tuple[int, ...] = (1, 8)
    """Prompts a batch."""
    lengths: tuple[int, ...] = ()
    """Prompt lengths for the cost of a new token against the context; nothing else is run if given."""
    plot: Path | None = None
    """Where to draw that cost, a PNG."""
    rounds: int = 3
    """Rounds that count."""
    threads: int = 2
    """CPU cores and threads of each contestant."""
    seed: int = 1
    """Seed of weights and prompts."""
    json: bool = False
    """Print JSON in place of the table."""

    def __post_init__(self):
        for name in ("num_layers", "hidden_dim", "prompt_tokens", "new_tokens", "rounds", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if (self.vocabulary is None) == (self.preset is None):
            raise UserError("give either VOCABULARY_DIR or --preset")
        for name in ("encoder.json", "vocab.bpe") if self.preset is None else ():
            if not (self.vocabulary / name).is_file():
                raise UserError(f"{self.vocabulary / name} is missing")
        if self.plot is not None and not self.lengths:
            raise UserError("--plot needs --lengths")


def make_model(options):
    """The model in float32, and its tokenizer."""
    import keras

    import zoo
    from zoo.models import GPT2
    from zoo.tokenizers import BytePairTokenizer

    if keras.config.backend() != "tensorflow":
        raise UserError("this benchmark needs KERAS_BACKEND=tensorflow")
    if options.preset is not None:
        generator = zoo.load(options.preset)
        return generator.model, generator.tokenizer
    tokenizer = BytePairTokenizer.from_files(options.vocabulary / "encoder.json", options.vocabulary / "vocab.bpe")
    keras.utils.set_random_seed(options.seed)
    model = GPT2(
        tokenizer.vocabulary_size,
        hidden_dim=options.hidden_dim,
        intermediate_dim=4 * options.hidden_dim,
        num_heads=max(options.hidden_dim // 64, 1),
        num_layers=options.num_layers,
    )
    model.build()
    return model, tokenizer


def make_prompts(options, tokenizer, count, num_tokens):
    """Texts of exactly so many tokens, and the tokens: common words in random order."""
    rng = np.random.default_rng(options.seed)
    words = [id_ for id_, text in enumerate(tokenizer.token_bytes) if text.startswith(b" ") and text[1:].isalpha()]
    texts = []
    while len(texts) < count:
        ids = rng.choice(words[:5000], num_tokens)
        text = b"".join(tokenizer.token_bytes[i] for i in ids).decode()
        # Neighbouring tokens may belong to one word; such a text has other tokens.
        if tokenizer.encode([text]).to_list() == [ids.tolist()]:
            texts.append(text)
    return texts, tokenizer.encode(texts).to_list()


def write_models(options, model, tokenizer, directory):
    """The model as a Hugging Face directory, and its generator as SavedModels."""
    import tensorflow as tf

    from export.signatures import ServedTask, build_signatures, in_form
    from zoo.checkpoints import save_hugging_face
    from zoo.tasks import GenerationSettings, TextGenerator
    from zoo.weights import PackedWeights, with_dtype

    # An end token would come at other places for other weights.
    new = options.new_tokens
    settings = GenerationSettings(max_new_tokens=new, min_new_tokens=new, temperature=0.0, top_p=1.0)
    save_hugging_face(model, directory / "hugging_face")
    for name, dtype in SAVED_MODELS.items():
        if name in options.contestants or options.lengths:
            of_dtype = model if dtype == "float32" else with_dtype(model, dtype)
            with in_form(TextGenerator(of_dtype, tokenizer, settings), PackedWeights()) as task:
                tf.saved_model.save(ServedTask(task), str(directory / name), signatures=build_signatures(task))


def start(name, options, directory, texts, token_ids, warm_up):
    """A contestant by name."""
    work = {
        **{
            each: ("generated_text:saved_model_batches", dict(directory=str(directory / each), texts=texts))
            for each in SAVED_MODELS
        },
        "CTranslate2": ("generated_text:ctranslate2_batches", dict(directory=str(directory / "hugging_face"))),
        "transformers": ("generated_text:transformers_batches", dict(directory=str(directory / "hugging_face"))),
        "KerasHub": ("generated_text:keras_hub_batches", dict(directory=str(directory / "hugging_face"))),
        "KerasHub-XLA": (
            "generated_text:keras_hub_batches",
            dict(directory=str(directory / "hugging_face"), jit_compile=True),
        ),
    }[name]
    arguments = dict(new_tokens=options.new_tokens, threads=options.threads, **work[1])
    if name not in SAVED_MODELS:
        arguments["token_ids"] = token_ids
    return Contestant(name, work[0], arguments, options.threads, warm_up=warm_up)


def compare(options):
    """Runs the benchmark; returns one dict for each contestant and batch size."""
    model, tokenizer = make_model(options)
    texts, token_ids = make_prompts(options, tokenizer, max(options.batch_sizes), options.prompt_tokens)
    results = []
    with tempfile.TemporaryDirectory() as directory:
        write_models(options, model, tokenizer, Path(directory))
        warm_up = [dict(batch_size=size) for size in options.batch_sizes]
        contestants = [start(name, options, Path(directory), texts, token_ids, warm_up) for name in options.contestants]
        found = {each.name: each.warm_up_rounds[-1].result["rows"] for each in contestants}
        expected = found.get("SavedModel", next(iter(found.values())))
        rounds = {size: take_turns(contestants, options.rounds, batch_size=size) for size in options.batch_sizes}
        peaks = {each.name: each.finish() for each in contestants}
    for size, by_name in rounds.items():
        for name, done in by_name.items():

            def speed(entry, size=size):
                return size * options.new_tokens / entry.wall_seconds

            decoded = [_text(tokenizer, row) for row in found[name]]
            results.append(
                dict(
                    batch_size=size,
                    name=name,
                    tokens_per_second=median(done, speed),
                    tokens_per_second_by_round=[speed(entry) for entry in done],
                    ratios={other: median_ratio(done, by_name[other], speed) for other in by_name},
                    equal=float(np.mean([a == _text(tokenizer, b) for a, b in zip(decoded, expected, strict=True)])),
                    peak_memory_mib=peaks[name],
                )
            )
    return results


def _text(tokenizer, row):
    return row if isinstance(row, str) else tokenizer.decode([row]).numpy()[0].decode()


def cost_by_length(options):
    """Seconds of a new token after prompts of different lengths, batch 1: prefill is measured apart and taken off."""
    model, tokenizer = make_model(options)
    results = []
    with tempfile.TemporaryDirectory() as directory:
        write_models(options, model, tokenizer, Path(directory))
        for length in options.lengths:
            texts, token_ids = make_prompts(options, tokenizer, 1, length)
            warm_up = [dict(batch_size=1), dict(batch_size=1, new_tokens=1)]
            contestant = start("SavedModel", options, Path(directory), texts, token_ids, warm_up)
            whole, first = (
                sorted(contestant.run_round(batch_size=1, new_tokens=new).wall_seconds for _ in range(options.rounds))
                for new in (options.new_tokens, 1)
            )
            contestant.finish()
            middle = options.rounds // 2
            results.append(
                dict(
                    prompt_tokens=length,
                    milliseconds_to_first_token=1000 * first[middle],
                    milliseconds_per_new_token=1000 * (whole[middle] - first[middle]) / (options.new_tokens - 1),
                )
            )
    if options.plot is not None:
        draw(results, options)
    return results


def draw(results, options):
    """The picture of the cost."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    lengths = [entry["prompt_tokens"] for entry in results]
    axes.plot(lengths, [entry["milliseconds_per_new_token"] for entry in results], marker="o")
    axes.set_xlabel("tokens of the prompt")
    axes.set_ylabel("milliseconds per new token")
    axes.set_ylim(0, 1.2 * max(entry["milliseconds_per_new_token"] for entry in results))
    axes.set_title(f"{_model_name(options)}, batch 1, {options.threads} threads")
    figure.savefig(options.plot, dpi=120)


def _model_name(options):
    """What was run, for headings."""
    if options.preset is not None:
        return options.preset.stem
    return f"{options.num_layers} layers, width {options.hidden_dim}"


def print_table(options, results):
    """One line for each contestant and batch size, or for each length."""
    console = Console(width=max(140, Console().width))
    if options.lengths:
        table = Table(title="Cost of a new token against the length of the prompt, batch 1")
        for heading in results[0]:
            table.add_column(heading.replace("_", " "), justify="right")
        for entry in results:
            table.add_row(*(f"{value:,.1f}" if isinstance(value, float) else str(value) for value in entry.values()))
        console.print(table)
        return
    table = Table(
        title=f"Greedy generation, {_model_name(options)}, prompts of "
        f"{options.prompt_tokens} tokens, {options.new_tokens} new ones, {options.threads} threads, medians of "
        f"{options.rounds} rounds"
    )
    others = list(results[0]["ratios"])
    for heading in ("batch size", "program", "new tokens/s", "from - to", *(f"/ {name}" for name in others)):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    for heading in ("equal to the SavedModel's", "peak MiB"):
        table.add_column(heading, justify="right")
    for entry in results:
        by_round = entry["tokens_per_second_by_round"]
        table.add_row(
            str(entry["batch_size"]),
            entry["name"],
            f"{entry['tokens_per_second']:.1f}",
            f"{min(by_round):.1f} - {max(by_round):.1f}",
            *(f"{entry['ratios'][name]:.2f}" for name in others),
            f"{entry['equal']:.0%}",
            f"{entry['peak_memory_mib']:,.0f}",
        )
    console.print(table)


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="generation_speed.py")
    results = cost_by_length(options) if options.lengths else compare(options)
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
    else:
        print_table(options, results)


if __name__ == "__main__":
    main()
