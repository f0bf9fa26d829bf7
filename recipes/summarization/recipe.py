"""Trains, evaluates and saves a summarizer."""

from dataclasses import asdict

import keras
from rich.console import Console
from rich.table import Table

from recipes.skeleton.results import print_ending, training_facts, write_results, write_texts
from recipes.skeleton.run_plan import plan_pairs, plan_updates, say_plan
from recipes.skeleton.train_and_average import train_and_average
from recipes.summarization.config import check_data_options
from recipes.summarization.decoder_summarizer import decoder_parts
from recipes.summarization.encoder_decoder_summarizer import encoder_decoder_parts
from recipes.text_to_text.scored_language import check_score_moves, scored_language
from recipes.text_to_text.sequence_to_sequence import compile_model, kept_tokenizers
from recipes.vocabularies.trained_size import say_vocabulary
from zoo.data import open_dataset
from zoo.data.readers.readings import readings
from zoo.metrics import rouge
from zoo.training import RunClaim, Validation
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype

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
    """Training and validation texts, those that are scored with the name of their split, and the code of the language.

    The code is None where it is not known.
    """
    check_data_options(config)
    language = None
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="summarization")
        train, validation, test, language = splits.train, splits.validation, splits.test, splits.source_language
    else:
        train, validation, test = (
            None if path is None else config.open_summaries(path)
            for path in (config.train, config.validation, config.test)
        )
    if test is None or config.score_split == "validation":
        return train, validation, validation, "validation", language
    return train, validation, test, "test", language


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="summarization")
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    train_texts, validation_texts, scored_texts, split, known_language = open_splits(config)
    # A file that is missing or damaged is better found before training than after it.
    texts = list(scored_texts)
    # The vocabulary of much text takes minutes, so a language that the references are not in is refused before.
    watched = [text for text, _ in zip(validation_texts, range(config.validation_rouge_texts or 100), strict=False)]
    references = [summary for each in watched for summary in each.summaries]
    language = scored_language(console, config.target_language, known_language, references)

    def score_watched(summaries):
        scores = rouge(summaries, [each.summaries for each in watched], language=language)
        return {name: score.value for name, score in scores.items()}

    check_score_moves(config.early_stopping_metric, score_watched([each.summaries[0] for each in watched]))
    given, config = config, plan_pairs(config, train_texts)
    parts = decoder_parts if config.architecture == "decoder" else encoder_decoder_parts
    with devices.scope():
        parts = parts(config, Pairs(train_texts), resumed)
    model = parts.model
    train_batches = parts.make_batches(Pairs(train_texts), training=True)
    validation_batches = parts.make_batches(Pairs(validation_texts), training=False)
    config = plan_updates(config, train_batches.num_batches(), passes=15, least=300, most=30_000)
    with devices.scope():
        compile_model(model, config)
    console.print(
        f"{parts.architecture} with {model.count_params():,} parameters, {parts.tokenizers[1].vocabulary_size:,} "
        f"tokens; {train_batches.num_batches()} batches an epoch; {keras.config.backend()} backend"
    )
    for line in readings(train_texts, validation_texts):
        console.print(line, highlight=False)
    say_vocabulary(console, config, parts.tokenizers[1])
    console.print(f"training data: {train_batches.report}")
    # Nothing but the training data has been encoded so far.
    cut, total = parts.encode[0].cut
    if cut:
        console.print(f"{cut:,} of {total:,} texts are longer than {config.max_source_length} tokens; their end is cut")
    say_plan(console, config.total_steps, train_batches.num_batches(), config.max_minutes)
    summarizer = parts.make_task(model)

    def score(_):
        return score_watched(summarizer([each.text for each in watched], num_beams=1))

    validation = Validation(list(validation_batches.epoch(0)), score if config.validation_rouge_texts else None)
    result, checkpoints = train_and_average(
        config,
        model,
        train_batches,
        validation,
        metric=config.early_stopping_metric,
        mode=config.metric_mode,
        claim=RunClaim(given, "summarization", kept_tokenizers(parts.tokenizers)),
    )
    final = model if config.precision == "float32" else with_dtype(model, "float32")
    examples = [each.text for each, _ in zip(validation_texts, range(_EXAMPLES), strict=False)]
    summarizer = parts.make_task(final, examples)
    summarizer.save(config.directory)

    found = [best[0] for best in summarizer.n_best([each.text for each in texts], 1, progress=True)]
    summaries = [each.text for each in found]
    write_texts(config.directory / f"{split}.summaries.txt", summaries)
    scores = rouge(summaries, [each.summaries for each in texts], language=language)
    results = {
        "split": split,
        "texts": len(texts),
        "truncated_texts": sum(each.truncated for each in found),
        "scores": {name: asdict(value) for name, value in scores.items()},
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
