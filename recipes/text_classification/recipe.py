"""Trains, evaluates and saves a text classifier."""

from dataclasses import replace

import keras
import numpy as np
from rich.console import Console

from recipes.encoders.fine_tuning import TOKENIZER, compile_model, epochs_of, fine_tune, make_encoder
from recipes.skeleton.results import print_ending, training_facts, write_results
from recipes.skeleton.run_plan import say_plan
from recipes.text_classification.config import check_data_options
from recipes.vocabularies.added_tokens import say_added_tokens
from recipes.vocabularies.trained_size import say_vocabulary
from zoo.data import RowBatches, open_dataset
from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.class_labels import check_class_labels, class_labels
from zoo.data.readers.readings import readings
from zoo.evaluate.classes import decisions, probabilities
from zoo.metrics import calibration_bins, fit_temperature, plot_confusion, plot_reliability, score_classes
from zoo.models import SequenceClassifier
from zoo.tasks import ClassificationSettings, TextClassifier
from zoo.training import RunClaim, Validation
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype

SPECIAL_TOKENS = 2


def open_splits(config):
    """Training, validation and test texts; the latter two are None where none were given."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="classification")
        return splits.train, splits.validation, splits.test
    train = config.open_classes(config.train)
    others = (config.validation, config.test)
    return train, *(None if path is None else config.open_classes(path, like=train) for path in others)


class ClassifiedRows:
    """Texts as rows of tokens and labels.

    Args:
        texts: list of `ClassifiedText`.
        tokenizer: `zoo.tokenizers.Tokenizer`.
        labels: The labels in the order of the model's outputs.
        multi_label: Whether texts have any number of them.
        max_length: Longest row, special tokens included.

    Attributes:
        token_ids: list of int32 arrays.
        labels: int64 [N], or float32 [N, C] of 0 and 1 for `multi_label`.
    """

    def __init__(self, texts, tokenizer, labels, multi_label, max_length):
        tokens = tokenizer.encode([text.text for text in texts])[:, : max_length - SPECIAL_TOKENS].to_list()
        self.token_ids = [np.array([tokenizer.bos_id, *row, tokenizer.eos_id], np.int32) for row in tokens]
        index = {label: number for number, label in enumerate(labels)}
        if multi_label:
            self.labels = np.zeros((len(texts), len(labels)), np.float32)
            for row, text in enumerate(texts):
                self.labels[row, [index[label] for label in text.labels]] = 1.0
        else:
            self.labels = np.array([index[text.labels[0]] for text in texts], np.int64)


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="text_classification")
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    train_source, validation_source, test_source = open_splits(config)
    labels, multi_label = class_labels(train_source)
    for source in (validation_source, test_source):
        if source is not None:
            check_class_labels(source, labels, multi_label)
    if validation_source is None:
        train_texts, validation_texts = hold_out(train_source)
    else:
        train_texts, validation_texts = list(train_source), list(validation_source)

    dropout = {} if config.dropout is None else {"dropout": config.dropout}
    with devices.scope():
        encoder, tokenizer = make_encoder(
            config, (text.text for text in train_texts), pooler=config.pooling == "pooler", resumed=resumed
        )
        model = SequenceClassifier(encoder, len(labels), pooling=config.pooling, dtype=config.precision, **dropout)
        model.build()
    settings = ClassificationSettings(
        multi_label=multi_label, max_source_length=min(config.max_source_length, model.max_sequence_length)
    )
    train_rows, validation_rows = (
        ClassifiedRows(texts, tokenizer, labels, multi_label, settings.max_source_length)
        for texts in (train_texts, validation_texts)
    )

    def batches(rows, **options):
        return RowBatches(
            rows.token_ids,
            rows.labels,
            pad_id=tokenizer.pad_id,
            batch_size=config.batch_size,
            max_length=settings.max_source_length,
            fixed_rows=config.jit_compile or keras.config.backend() == "jax",
            **options,
        )

    train_batches = batches(train_rows, seed=config.seed)
    for line in readings(train_source, validation_source, test_source):
        console.print(line, highlight=False)
    console.print(
        f"{len(train_texts):,} training and {len(validation_texts):,} validation texts, {len(labels)} labels"
        f"{', any number of them a text' if multi_label else ''}"
    )
    console.print(
        f"encoder with {encoder.count_params():,} parameters, {tokenizer.vocabulary_size:,} tokens; "
        f"{train_batches.num_batches()} batches an epoch; {keras.config.backend()} backend"
    )
    say_vocabulary(console, config, tokenizer)
    say_added_tokens(console, tokenizer, config.add_token)
    epoch = train_batches.num_batches()
    say_plan(console, epoch * epochs_of(config, epoch), epoch, config.max_minutes)
    classifier = TextClassifier(model, tokenizer, labels, settings)

    def score(_):
        decided = decisions(classifier.logits([text.text for text in validation_texts]), settings)
        report = score_classes(validation_rows.labels, decided, labels)
        return {"exact": report.accuracy, "macro_f1": report.scores.macro.f1}

    loss, metrics = None, None
    if multi_label:
        loss = keras.losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=config.label_smoothing, reduction="mean_with_sample_weight"
        )
        metrics = [
            keras.metrics.BinaryCrossentropy(name="nll", from_logits=True),
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
        ]
    with devices.scope():
        compile_model(model, config, train_batches.num_batches(), loss)
    validation = Validation(list(batches(validation_rows, shuffle=False).epoch(0)), score, metrics)
    claim = RunClaim(config, "text_classification", {TOKENIZER: tokenizer})
    result, checkpoints = fine_tune(config, model, train_batches, validation, "val_exact", claim)

    final = with_dtype(model, "float32")
    classifier = TextClassifier(final, tokenizer, labels, settings)
    validation_logits = classifier.logits([text.text for text in validation_texts])
    truth = validation_rows.labels.astype(bool) if multi_label else validation_rows.labels
    if config.calibrate:
        settings = replace(settings, temperature=fit_temperature(validation_logits, truth))
    examples = [text.text for text in validation_texts[:200]]
    classifier = TextClassifier(final, tokenizer, labels, settings, examples)
    classifier.save(config.directory)

    split, texts, logits = "validation", validation_texts, validation_logits
    if test_source is not None:
        split, texts = "test", list(test_source)
        logits = classifier.logits([text.text for text in texts])
        rows = ClassifiedRows(texts, tokenizer, labels, multi_label, settings.max_source_length)
        truth = rows.labels.astype(bool) if multi_label else rows.labels
    scores = score_classes(truth, decisions(logits, settings), labels)
    curves = {
        "uncalibrated": calibration_bins(probabilities(logits, replace(settings, temperature=1.0)), truth),
        f"temperature {settings.temperature:.2f}": calibration_bins(probabilities(logits, settings), truth),
    }
    plot_reliability(curves, config.directory / f"{split}.reliability.png", title=split)
    if scores.confusion is not None:
        plot_confusion(scores.confusion, scores.names, config.directory / f"{split}.confusion.png", title=split)
    results = {
        "split": split,
        "texts": len(texts),
        "scores": scores.to_dict(),
        "temperature": settings.temperature,
        "expected_calibration_error": {name: bins.expected_error for name, bins in curves.items()},
        **training_facts(final, result, checkpoints),
    }
    write_results(config.directory, results)
    report(console, results, scores, texts, classifier, config.directory)
    return results


def report(console, results, scores, texts, classifier, directory):
    """Prints the scores and the labels of a few texts."""
    console.print(
        scores.table(title=f"{results['split']}: {results['texts']:,} texts, accuracy {100 * scores.accuracy:.2f}%")
    )
    for right, wrong, count in scores.most_confused(5):
        console.print(f"  {count} of {right} taken for {wrong}", markup=False, highlight=False)
    for text in texts[:: max(1, len(texts) // 5)][:5]:
        answer = classifier(text.text)
        found = ", ".join(
            f"{label} ({score:.2f})" for label, score in zip(answer["labels"], answer["scores"], strict=True)
        )
        console.print(f"  {text.text[:100]}\n    {found[:100]}", markup=False, highlight=False)
    errors = ", ".join(f"{name} {100 * error:.1f}%" for name, error in results["expected_calibration_error"].items())
    console.print(f"expected calibration error: {errors}", highlight=False)
    print_ending(console, results, directory, "preset, learning curve and pictures")
