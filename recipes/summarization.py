"""Trains, evaluates and saves a summarizer: `python -m recipes.summarization --help`."""

import os

# Before TensorFlow is imported, which otherwise reports every CPU feature and missing GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys
from dataclasses import asdict, replace

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from recipes.fine_tuning import in_float32
from recipes.results import print_ending, training_facts, write_results
from recipes.sequence_to_sequence import (
    compile_model,
    make_batches,
    make_model,
    make_tokenizers,
    save_tokenizers,
    token_arrays,
)
from recipes.summarization_config import check_data_options, parse_command_line
from recipes.train_and_average import train_and_average
from zoo.data import JsonlSummaries, open_dataset
from zoo.errors import UserError, command_line
from zoo.metrics import rouge
from zoo.tasks import SummarizationSettings, Summarizer, load
from zoo.training import Validation
from zoo.training.run_directory import check_run_directory, claim_run_directory

_EXAMPLES = 50


class Pairs:
    """Texts with their first summaries, a re-iterable of pairs.

    Args:
        split: Re-iterable of `SummarizedText`.
    """

    def __init__(self, split):
        self._split = split

    def __iter__(self):
        """Yields (text, summary)."""
        for text, summaries in self._split:
            yield text, summaries[0]


def open_splits(config):
    """Training and validation texts, and those that are scored with the name of their split."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="summarization")
        train, validation, test = splits.train, splits.validation, splits.test
    else:
        train, validation, test = (
            None if path is None else JsonlSummaries(path, config.text_field, config.summary_fields)
            for path in (config.train, config.validation, config.test)
        )
    if test is None or config.score_split == "validation":
        return train, validation, validation, "validation"
    return train, validation, test, "test"


def start(config, train, resumed):
    """The model to train, its tokenizers and the settings that go with it, those of decoding not yet final."""
    if config.pretrained is None:
        tokenizers = make_tokenizers(config, Pairs(train), resumed)
        return make_model(config, *tokenizers, config.precision), tokenizers, SummarizationSettings()
    task = load(config.pretrained, dtype=config.precision)
    if not isinstance(task, Summarizer):
        raise UserError(f"{config.pretrained} holds a {type(task).__name__}, not a Summarizer")
    longest = task.model.max_sequence_length
    if max(config.max_lengths) > longest:
        raise UserError(
            f"--max-source-length {config.max_source_length} or --max-target-length {config.max_target_length} is more "
            f"than the {longest} positions of {config.pretrained}"
        )
    return task.model, (task.source_tokenizer, task.target_tokenizer), task.settings


class EncodedTexts:
    """Tokens of texts as the model reads them, cut to its length, and how many were cut.

    Args:
        tokenizer: A `zoo.tokenizers.Tokenizer`.
        before: Token ids that stand before each text.
        longest: Most tokens of a text with those before and the end token, which batches add; None for any number.

    Attributes:
        cut: Texts that were cut, and all texts, of those read so far.
    """

    def __init__(self, tokenizer, before, longest):
        self._tokenizer, self._before, self._longest = tokenizer, np.array(before, np.int32), longest
        self.cut = [0, 0]

    def __call__(self, texts):
        """Tokens of texts, a list of int32 arrays."""
        rows = token_arrays(self._tokenizer, texts)
        if self._longest is not None:
            room = self._longest - len(self._before) - 1
            self.cut[0] += sum(len(row) > room for row in rows)
            self.cut[1] += len(rows)
            rows = [row[:room] for row in rows]
        return [np.concatenate([self._before, row]).astype(np.int32) for row in rows]


def encoders(config, tokenizers, settings):
    """How texts and summaries become tokens, in the way that the task reads and writes them."""
    first = () if settings.forced_first_token_id is None else (settings.forced_first_token_id,)
    return (
        EncodedTexts(tokenizers[0], settings.source_prefix_ids, config.max_source_length),
        EncodedTexts(tokenizers[1], first, None),
    )


def final_settings(config, settings):
    """How the preset decodes."""
    return replace(
        settings,
        num_beams=config.num_beams,
        length_penalty=config.length_penalty,
        length_penalty_type="average",
        max_new_tokens=config.max_target_length,
        min_new_tokens=config.min_new_tokens,
        no_repeat_ngram_size=config.no_repeat_ngram_size,
        max_source_length=config.max_source_length,
    )


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="summarization")
    keras.utils.set_random_seed(config.seed)
    train_texts, validation_texts, scored_texts, split = open_splits(config)
    model, tokenizers, settings = start(config, train_texts, resumed)
    settings = final_settings(config, settings)
    encode = encoders(config, tokenizers, settings)
    sides = dict(encode=encode, start_id=settings.start_token_id)
    train_batches = make_batches(config, Pairs(train_texts), *tokenizers, training=True, **sides)
    validation_batches = make_batches(config, Pairs(validation_texts), *tokenizers, training=False, **sides)
    console.print(
        f"encoder-decoder with {model.count_params():,} parameters, {tokenizers[1].vocabulary_size:,} tokens; "
        f"{train_batches.num_batches()} batches an epoch; {keras.config.backend()} backend"
    )
    console.print(f"training data: {train_batches.report}")
    # Nothing but the training data has been read so far.
    cut, total = encode[0].cut
    if cut:
        console.print(f"{cut:,} of {total:,} texts are longer than {config.max_source_length} tokens; their end is cut")
    claim_run_directory(config, recipe="summarization")
    save_tokenizers(config, tokenizers)

    compile_model(model, config)
    summarizer = Summarizer(model, *tokenizers, settings)
    watched = [text for text, _ in zip(validation_texts, range(config.validation_rouge_texts), strict=False)]

    def score(_):
        summaries = summarizer([each.text for each in watched], num_beams=1)
        return {name: value.value for name, value in rouge(summaries, [each.summaries for each in watched]).items()}

    validation = Validation(list(validation_batches.epoch(0)), score if watched else None)
    result, checkpoints = train_and_average(
        config, model, train_batches, validation, metric=config.early_stopping_metric, mode=config.metric_mode
    )
    final = model if config.precision == "float32" else in_float32(model)
    examples = [each.text for each, _ in zip(validation_texts, range(_EXAMPLES), strict=False)]
    summarizer = Summarizer(final, *tokenizers, settings, examples)
    summarizer.save(config.directory)

    texts = list(scored_texts)
    found = [best[0] for best in summarizer.n_best([each.text for each in texts], 1, progress=True)]
    summaries = [each.text for each in found]
    (config.directory / f"{split}.summaries.txt").write_text(
        "".join(text.replace("\n", " ") + "\n" for text in summaries), encoding="utf-8"
    )
    results = {
        "split": split,
        "texts": len(texts),
        "truncated_texts": sum(each.truncated for each in found),
        "scores": {name: asdict(value) for name, value in rouge(summaries, [each.summaries for each in texts]).items()},
        **training_facts(final, result, checkpoints, speed="target_tokens_per_second"),
    }
    write_results(config.directory, results)
    report(console, results, texts, summaries, config.directory)
    return results


def report(console, results, texts, summaries, directory):
    """Prints the scores and a few summaries."""
    table = Table(title=f"{results['split']}: {results['texts']} texts, {results['truncated_texts']} of them cut")
    for name in ("metric", "F1", "95% interval", "precision", "recall"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for value in results["scores"].values():
        interval = f"{value['low']:.2f} - {value['high']:.2f}"
        numbers = (f"{value['value']:.2f}", interval, f"{value['precision']:.2f}", f"{value['recall']:.2f}")
        table.add_row(value["name"], *numbers)
    console.print(table)
    console.print(next(iter(results["scores"].values()))["signature"], highlight=False)
    for index in range(0, len(texts), max(1, len(texts) // 3))[:3]:
        console.print(f"  text      {texts[index].text[:300]}", markup=False, highlight=False)
        console.print(f"  summary   {summaries[index]}", markup=False, highlight=False)
        console.print(f"  reference {texts[index].summaries[0]}\n", markup=False, highlight=False)
    print_ending(console, results, directory, "preset and learning curve")


@command_line
def main(argv=None):
    """Command line of the recipe."""
    run(parse_command_line(list(sys.argv[1:] if argv is None else argv)))


if __name__ == "__main__":
    main()
