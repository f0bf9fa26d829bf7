"""Trains, evaluates and saves a translator."""

import functools
from dataclasses import asdict, replace

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from recipes.skeleton.results import print_ending, training_facts, write_results, write_texts
from recipes.skeleton.run_plan import plan_pairs, plan_updates, say_plan
from recipes.skeleton.train_and_average import train_and_average
from recipes.text_to_text.encoded_texts import pair_encoders
from recipes.text_to_text.scored_language import check_score_moves, scored_language
from recipes.text_to_text.sequence_to_sequence import (
    check_positions,
    compile_model,
    kept_tokenizers,
    make_batches,
    make_model,
    make_tokenizers,
)
from recipes.translation.config import check_data_options
from recipes.vocabularies.trained_size import say_vocabulary
from zoo.data import ParallelText, open_dataset
from zoo.data.readers.readings import readings
from zoo.errors import UserError
from zoo.evaluate.translations import writes_lowercase
from zoo.metrics.translation_scores import TranslationScores
from zoo.tasks import Translator, load
from zoo.tokenizers import SentencePieceTokenizer
from zoo.training import RunClaim, Validation
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype


def open_splits(config):
    """Training, validation and test pairs, and the code of their target language; None for what was not given."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, reverse=config.reverse, task="translation")
        return splits.train, splits.validation, splits.test, splits.target_language
    files = (
        _open_files(
            config, getattr(config, split), getattr(config, f"{split}_source"), getattr(config, f"{split}_target")
        )
        for split in ("train", "validation", "test")
    )
    return *files, None


def _open_files(config, pairs, source, target):
    if source is not None:
        return ParallelText(source, target)
    return None if pairs is None else config.open_pairs(pairs)


class SampledTokens:
    """Segmentations of an epoch drawn at random, a function of seed, epoch and the texts' order alone.

    Args:
        tokenizer: `SentencePieceTokenizer`.
        alpha: See `SentencePieceTokenizer.sample`.
        seeds: list of int that begins the seed of every call.
    """

    def __init__(self, tokenizer, alpha, seeds):
        self._tokenizer, self._alpha, self._seeds = tokenizer, alpha, seeds
        self._calls = 0

    def __call__(self, texts):
        """Tokens of the next texts."""
        seed = np.random.SeedSequence([*self._seeds, self._calls]).generate_state(1)[0]
        self._calls += 1
        return self._tokenizer.sample(texts, self._alpha, int(seed))


def sampled_tokens(config, tokenizers, settings):
    """What `make_batches` takes for tokens that are drawn anew each epoch; None without subword sampling.

    Raises:
        UserError: for tokenizers that cannot draw.
    """
    if not config.subword_sampling:
        return None
    for tokenizer in tokenizers:
        if not isinstance(tokenizer, SentencePieceTokenizer):
            raise UserError(
                f"--subword-sampling needs a SentencePiece vocabulary of this project's; that of {config.pretrained} "
                f"is a {type(tokenizer).__name__}"
            )

    def encode_epoch(epoch):
        sampled = (
            SampledTokens(tokenizer, config.subword_sampling, [config.seed, epoch, side])
            for side, tokenizer in enumerate(tokenizers)
        )
        return pair_encoders(tokenizers, settings, encode=tuple(sampled))

    return encode_epoch


def start_translator(config, train_pairs, resumed):
    """The translator to train, with the settings that it is to decode with in the end.

    Args:
        config: A `TranslationConfig`.
        train_pairs: Re-iterable of (source, target), from which a vocabulary is trained where nothing is pretrained.
        resumed: Whether a run goes on; its tokenizers are then read again.

    Raises:
        UserError: for a pretrained model that does not translate, or is too short for the lengths asked for.
    """
    if config.pretrained is None:
        tokenizers = make_tokenizers(config, train_pairs, resumed)
        translator = Translator(make_model(config, *tokenizers, config.precision), *tokenizers)
    else:
        translator = load(config.pretrained, dtype=config.precision)
        if not isinstance(translator, Translator):
            raise UserError(
                f"{config.pretrained} holds a {type(translator).__name__}, not a Translator; a BART that translates "
                "becomes one by python -m zoo.convert with --task translation"
            )
        check_positions(config, translator.model, max_length=config.max_length)
    settings = replace(
        translator.settings,
        num_beams=config.num_beams,
        length_penalty=config.length_penalty,
        length_penalty_type="average",
        max_new_tokens=config.max_length,
        max_source_length=config.max_length,
    )
    return Translator(translator.model, translator.source_tokenizer, translator.target_tokenizer, settings)


def evaluate(translator, pairs, scores):
    """Translates the sources of `pairs` and scores them; returns the scores by name and the hypotheses."""
    sources, references = (list(side) for side in zip(*pairs, strict=True))
    hypotheses = translator(sources, progress=True)
    return scores.of(hypotheses, references), hypotheses


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="translation")
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    train_pairs, validation_pairs, test_pairs, known_language = open_splits(config)
    # Read now, so that a mistake in it shows before the model is trained.
    test_pairs = None if test_pairs is None else list(test_pairs)
    scored_pairs = list(validation_pairs)[: config.validation_bleu_lines or 200]
    references = [target for _, target in scored_pairs]
    # The vocabulary of much text takes minutes, so a language that the references are not in is refused before.
    language = scored_language(console, config.target_language, known_language, references)
    scores = TranslationScores(language, lowercase=False, tokenizer=config.bleu_tokenizer)
    if scores.remark:
        console.print(scores.remark, highlight=False, soft_wrap=True)
    check_score_moves(config.early_stopping_metric, scores.while_training(references, references))
    given, config = config, plan_pairs(config, train_pairs)
    with devices.scope():
        translator = start_translator(config, train_pairs, resumed)
    model = translator.model
    tokenizers = translator.source_tokenizer, translator.target_tokenizer
    batches = functools.partial(make_batches, config, tokenizers=tokenizers, settings=translator.settings)
    train_batches = batches(
        train_pairs, training=True, encode_epoch=sampled_tokens(config, tokenizers, translator.settings)
    )
    validation_batches = batches(validation_pairs, training=False)
    config = plan_updates(config, train_batches.num_batches(), passes=60, least=300, most=50_000)
    with devices.scope():
        compile_model(model, config)
    console.print(
        f"{'pretrained' if config.pretrained else config.size} Transformer with {model.count_params():,} parameters, "
        f"{tokenizers[1].vocabulary_size:,} tokens; {train_batches.num_batches()} batches an epoch; "
        f"{keras.config.backend()} backend"
    )
    for line in readings(train_pairs, validation_pairs):
        console.print(line, highlight=False)
    say_vocabulary(console, config, tokenizers[1])
    console.print(f"training data: {train_batches.report}")
    say_plan(console, config.total_steps, train_batches.num_batches(), config.max_minutes)
    scores = TranslationScores(language, writes_lowercase(tokenizers[1]), config.bleu_tokenizer)

    def score(_):
        hypotheses = translator([source for source, _ in scored_pairs], num_beams=1, batch_size=128)
        return scores.while_training(hypotheses, references)

    validation = Validation(list(validation_batches.epoch(0)), score if config.validation_bleu_lines else None)
    result, checkpoints = train_and_average(
        config,
        model,
        train_batches,
        validation,
        metric=config.early_stopping_metric,
        mode=config.metric_mode,
        claim=RunClaim(given, "translation", kept_tokenizers(tokenizers)),
    )
    final = model if config.precision == "float32" else with_dtype(model, "float32")
    examples = [source for source, _ in list(validation_pairs)[:200]]
    translator = Translator(final, *tokenizers, translator.settings, examples)
    translator.save(config.directory)

    split, pairs = ("test", test_pairs) if test_pairs is not None else ("validation", validation_pairs)
    pairs = list(pairs)
    found, hypotheses = evaluate(translator, pairs, scores)
    write_texts(config.directory / f"{split}.hypotheses.txt", hypotheses)
    results = {
        "split": split,
        "sentences": len(pairs),
        "scores": {name: asdict(value) for name, value in found.items()},
        **training_facts(final, result, checkpoints, speed="target_tokens_per_second"),
    }
    write_results(config.directory, results)
    report(console, results, pairs, hypotheses, config.directory)
    return results


def report(console, results, pairs, hypotheses, directory):
    """Prints the scores and a few translations."""
    table = Table(title=f"{results['split']}: {results['sentences']} sentences")
    table.add_column("metric", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("signature", overflow="fold")
    for value in results["scores"].values():
        table.add_row(value["name"], f"{value['value']:.2f}", value["signature"])
    console.print(table)
    for index in range(0, len(pairs), max(1, len(pairs) // 5))[:5]:
        console.print(f"  source     {pairs[index][0]}", markup=False, highlight=False)
        console.print(f"  hypothesis {hypotheses[index]}", markup=False, highlight=False)
        console.print(f"  reference  {pairs[index][1]}\n", markup=False, highlight=False)
    print_ending(console, results, directory, "preset and learning curve")
