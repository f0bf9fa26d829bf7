"""Trains, evaluates and saves a translator: `python -m recipes.translation --help`."""

import os

# Before TensorFlow is imported, which otherwise reports every CPU feature and missing GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import functools
import sys
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from recipes.results import print_ending, training_facts, write_results
from recipes.translation_config import check_data_options, parse_command_line
from zoo.data import JsonlText, PairBatches, ParallelText, TsvText, open_dataset
from zoo.errors import UserError, command_line
from zoo.metrics import bleu, chrf, lowercase_tokenized_bleu
from zoo.models import ENCODER_DECODER_SIZES, EncoderDecoder
from zoo.tasks import TranslationSettings, Translator
from zoo.tokenizers import SentencePieceTokenizer
from zoo.tokenizers import load as load_tokenizer
from zoo.training import (
    CosineDecay,
    EarlyStopping,
    InverseSquareRoot,
    Resume,
    TensorBoard,
    TokenCrossEntropy,
    Validation,
    average_checkpoints,
    build_optimizer,
    plot_learning_curve,
    select_checkpoints,
    train,
)
from zoo.training.run_directory import check_run_directory, claim_run_directory

TOKENIZERS = ("source_tokenizer", "target_tokenizer")
"""Where a run keeps its tokenizers; the first serves both languages if the vocabulary is joint."""


def open_splits(config):
    """Training, validation and test pairs; the test pairs are None where none were given."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, reverse=config.reverse, task="translation")
        return splits.train, splits.validation, splits.test
    return tuple(
        _open_files(getattr(config, split), getattr(config, f"{split}_source"), getattr(config, f"{split}_target"))
        for split in ("train", "validation", "test")
    )


def _open_files(pairs, source, target):
    if source is not None:
        return ParallelText(source, target)
    if pairs is None:
        return None
    kinds = {".tsv": TsvText, ".jsonl": JsonlText}
    suffix = Path(pairs.stem).suffix if pairs.suffix == ".gz" else pairs.suffix
    if suffix not in kinds:
        raise UserError(f"{pairs}: the name must end in .tsv or .jsonl (or .gz after it)")
    return kinds[suffix](pairs)


def make_tokenizers(config, train_pairs, resumed):
    """Source and target tokenizer, the same object for a joint vocabulary; those of a run that goes on."""
    if resumed and (config.directory / TOKENIZERS[0 if config.joint_vocabulary else 1] / "tokenizer.json").is_file():
        source = load_tokenizer(config.directory / TOKENIZERS[0])
        return source, source if config.joint_vocabulary else load_tokenizer(config.directory / TOKENIZERS[1])

    def trained(texts):
        return SentencePieceTokenizer.train(
            texts,
            vocabulary_size=config.vocabulary_size,
            model_type=config.vocabulary_type,
            normalization=config.normalization,
        )

    if config.joint_vocabulary:
        joint = trained(text for pair in train_pairs for text in pair)
        return joint, joint
    return tuple(trained(pair[side] for pair in train_pairs) for side in (0, 1))


def make_model(config, source_tokenizer, target_tokenizer, precision):
    """The untrained model."""
    layers = config.num_layers or ENCODER_DECODER_SIZES[config.size]["num_layers"]
    overrides = {} if config.dropout is None else {"dropout": config.dropout}
    model = EncoderDecoder.from_size(
        config.size,
        source_vocabulary_size=source_tokenizer.vocabulary_size,
        target_vocabulary_size=target_tokenizer.vocabulary_size,
        num_encoder_layers=layers,
        num_decoder_layers=layers,
        norm=config.norm,
        max_sequence_length=config.max_length,
        tied_embeddings="all" if config.joint_vocabulary else "target",
        dtype=precision,
        **overrides,
    )
    model.build()
    return model


def token_arrays(tokenizer, texts):
    """Token ids of each text, a list of numpy arrays."""
    tokens = tokenizer.encode(texts)
    return np.split(tokens.values.numpy(), tokens.row_splits.numpy()[1:-1])


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


def make_batches(config, pairs, source_tokenizer, target_tokenizer, training):
    """Batches of `pairs`, shuffled for training; of few shapes where each new shape is compiled."""

    def sampled(epoch):
        return tuple(
            SampledTokens(tokenizer, config.subword_sampling, [config.seed, epoch, side])
            for side, tokenizer in enumerate((source_tokenizer, target_tokenizer))
        )

    compiled = config.jit_compile or keras.config.backend() == "jax"
    return PairBatches(
        pairs,
        functools.partial(token_arrays, source_tokenizer),
        functools.partial(token_arrays, target_tokenizer),
        bos_id=target_tokenizer.bos_id,
        eos_id=target_tokenizer.eos_id,
        pad_id=target_tokenizer.pad_id,
        batch_size_tokens=config.batch_size_tokens,
        max_source_length=config.max_length,
        max_target_length=config.max_length,
        max_length_ratio=config.max_length_ratio if training else None,
        seed=config.seed,
        shuffle=training,
        fixed_rows=compiled,
        length_multiple=8 if compiled else 4,
        encode_epoch=sampled if training and config.subword_sampling else None,
    )


def make_schedule(config):
    """The learning rate over updates."""
    if config.schedule == "cosine":
        return CosineDecay(config.learning_rate, config.warmup_steps, config.total_steps)
    return InverseSquareRoot(config.learning_rate, config.warmup_steps)


def evaluate(translator, pairs, target_language):
    """Translates the sources of `pairs` and scores them; returns the scores by name and the hypotheses."""
    sources, references = (list(side) for side in zip(*pairs, strict=True))
    hypotheses = translator(sources, progress=True)
    scores = {
        "bleu": bleu(hypotheses, references),
        "chrf": chrf(hypotheses, references),
        "lowercase_tokenized_bleu": lowercase_tokenized_bleu(hypotheses, references, target_language),
    }
    return scores, hypotheses


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="translation")
    keras.utils.set_random_seed(config.seed)
    train_pairs, validation_pairs, test_pairs = open_splits(config)
    tokenizers = make_tokenizers(config, train_pairs, resumed)
    model = make_model(config, *tokenizers, config.precision)
    train_batches = make_batches(config, train_pairs, *tokenizers, training=True)
    validation_batches = make_batches(config, validation_pairs, *tokenizers, training=False)
    console.print(
        f"{config.size} Transformer with {model.count_params():,} parameters, "
        f"{tokenizers[1].vocabulary_size:,} tokens; {train_batches.num_batches()} batches an epoch; "
        f"{keras.config.backend()} backend"
    )
    console.print(f"training data: {train_batches.report}")
    claim_run_directory(config, recipe="translation")
    for name, tokenizer in zip(TOKENIZERS, dict.fromkeys(tokenizers), strict=False):
        if not (config.directory / name / "tokenizer.json").is_file():
            tokenizer.save(config.directory / name)

    model.compile(
        optimizer=build_optimizer(
            config.optimizer, make_schedule(config), weight_decay=config.weight_decay, clip_norm=config.clip_norm
        ),
        loss=TokenCrossEntropy(config.label_smoothing),
        jit_compile=True if config.jit_compile else ("auto" if keras.config.backend() == "jax" else False),
    )
    settings = TranslationSettings(
        num_beams=config.num_beams,
        length_penalty=config.length_penalty,
        max_new_tokens=config.max_length,
        max_source_length=config.max_length,
    )
    scored_pairs = list(validation_pairs)[: config.validation_bleu_lines]
    translator = Translator(model, *tokenizers, settings)

    def score(_):
        hypotheses = translator([source for source, _ in scored_pairs], num_beams=1, batch_size=128)
        return {"bleu": bleu(hypotheses, [target for _, target in scored_pairs]).value}

    metric, mode = config.early_stopping_metric, "max" if config.early_stopping_metric == "val_bleu" else "min"
    result = train(
        model,
        train_batches,
        total_steps=config.total_steps,
        directory=config.directory,
        checkpoint_every_steps=config.checkpoint_every_steps,
        validate_every_steps=config.validate_every_steps,
        validation=Validation(list(validation_batches.epoch(0)), score if scored_pairs else None),
        early_stopping=(
            EarlyStopping(metric, config.early_stopping_patience, mode) if config.early_stopping_patience else None
        ),
        resume=Resume(
            keep_last=config.average_checkpoints,
            keep_best=config.average_checkpoints if config.average_best else 0,
            metric=metric if config.average_best else None,
            mode=mode,
        ),
        callbacks=[TensorBoard()] if config.tensorboard else [],
        max_minutes=config.max_minutes,
    )
    checkpoints = select_checkpoints(
        config.directory, config.average_checkpoints, metric if config.average_best else None, mode
    )
    average_checkpoints(model, checkpoints)
    final = make_model(config, *tokenizers, "float32")
    final.set_weights(model.get_weights())
    translator = Translator(
        final, *tokenizers, settings, examples=[source for source, _ in list(validation_pairs)[:200]]
    )
    translator.save(config.directory)
    plot_learning_curve(result.history, config.directory / "learning_curve.png", title=str(config.directory.name))

    split, pairs = ("test", test_pairs) if test_pairs is not None else ("validation", validation_pairs)
    pairs = list(pairs)
    scores, hypotheses = evaluate(translator, pairs, config.target_language)
    (config.directory / f"{split}.hypotheses.txt").write_text(
        "".join(line.replace("\n", " ") + "\n" for line in hypotheses), encoding="utf-8"
    )
    results = {
        "split": split,
        "sentences": len(pairs),
        "scores": {name: asdict(value) for name, value in scores.items()},
        **training_facts(final, result, checkpoints, speed="target_tokens_per_second"),
    }
    write_results(config.directory, results)
    report(console, results, pairs, hypotheses, config.directory)
    return results


def report(console, results, pairs, hypotheses, directory):
    """Prints the scores and a few translations."""
    table = Table(title=f"{results['split']}: {results['sentences']} sentences")
    table.add_column("metric")
    table.add_column("score", justify="right")
    table.add_column("signature", overflow="fold")
    for value in results["scores"].values():
        table.add_row(value["name"], f"{value['value']:.2f}", value["signature"])
    console.print(table)
    for index in range(0, len(pairs), max(1, len(pairs) // 5))[:5]:
        console.print(f"  source     {pairs[index][0]}", markup=False, highlight=False)
        console.print(f"  hypothesis {hypotheses[index]}", markup=False, highlight=False)
        console.print(f"  reference  {pairs[index][1]}\n", markup=False, highlight=False)
    print_ending(console, results, directory, "preset and learning curve")


@command_line
def main(argv=None):
    """Command line of the recipe."""
    run(parse_command_line(list(sys.argv[1:] if argv is None else argv)))


if __name__ == "__main__":
    main()
