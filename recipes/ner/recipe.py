"""Trains, evaluates and saves an entity recognizer."""

import keras
import numpy as np
from rich.console import Console

from recipes.encoders.fine_tuning import TOKENIZER, compile_model, epochs_of, fine_tune, make_encoder
from recipes.ner.config import check_data_options
from recipes.skeleton.results import print_ending, training_facts, write_results
from recipes.skeleton.run_plan import say_plan
from recipes.vocabularies.added_tokens import say_added_tokens
from recipes.vocabularies.trained_size import say_vocabulary
from zoo.data import RowBatches, open_dataset
from zoo.data.batches.entity_rows import entity_rows
from zoo.data.batches.label_alignment import TagIds
from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.entities import check_entity_labels, entity_labels
from zoo.data.readers.readings import readings
from zoo.evaluate.entities import score_recognizer
from zoo.metrics import plot_confusion
from zoo.models import TokenClassifier
from zoo.tasks import EntityRecognizer, EntitySettings
from zoo.training import RunClaim, Validation
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype


def open_splits(config):
    """Training, validation and test texts; the test texts are None where none were given."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="entities")
        return splits.train, splits.validation, splits.test
    paths = (config.train, config.validation, config.test)
    return tuple(None if path is None else config.open_entities(path) for path in paths)


def label_weights(config, word_counts):
    """Weight of each tag in the loss, float [C], or None; their average over the words of the training data is 1."""
    if config.class_weights == "none":
        return None
    power = {"inverse": -1.0, "inverse_square_root": -0.5}[config.class_weights]
    weights = np.where(word_counts > 0, np.maximum(word_counts, 1) ** power, 0.0)
    return weights * word_counts.sum() / (weights * word_counts).sum()


def labels_of(text):
    """The labels of a text's entities, in alphabetical order."""
    return tuple(sorted({entity.label for entity in text.entities}))


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="ner")
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    train_source, validation_source, test_source = open_splits(config)
    if validation_source is None:
        train_texts, validation_texts = hold_out(train_source, labels_of=labels_of)
        console.print(f"{len(validation_texts):,} of the training texts are held out for validation")
    else:
        train_texts, validation_texts = list(train_source), list(validation_source)
    test_texts = None if test_source is None else list(test_source)
    labels = entity_labels(train_texts)
    for texts in (validation_texts, test_texts or ()):
        check_entity_labels(texts, labels)

    tag_ids = TagIds(labels)
    dropout = {} if config.dropout is None else {"dropout": config.dropout}
    with devices.scope():
        encoder, tokenizer = make_encoder(config, (text.text for text in train_texts), pooler=False, resumed=resumed)
        model = TokenClassifier(encoder, len(tag_ids.tags), dtype=config.precision, **dropout)
        model.build()

    def rows(texts):
        return entity_rows(
            texts,
            tokenizer.tokenize_with_offsets,
            tag_ids,
            bos_id=tokenizer.bos_id,
            eos_id=tokenizer.eos_id,
            window=config.window,
            overlap=config.overlap,
            subwords=config.subword_labels,
        )

    def batches(rows, **options):
        return RowBatches(
            rows.token_ids,
            rows.tag_ids,
            rows.weights,
            pad_id=tokenizer.pad_id,
            batch_size=config.batch_size,
            max_length=config.window,
            example_ids=rows.text_ids,
            fixed_rows=config.jit_compile or keras.config.backend() == "jax",
            **options,
        )

    train_rows, validation_rows = rows(train_texts), rows(validation_texts)
    weights = label_weights(config, train_rows.word_counts)
    train_batches = batches(train_rows, seed=config.seed, label_weights=weights)
    for line in readings(train_source, validation_source, test_source):
        console.print(line, highlight=False)
    console.print(f"{len(train_texts):,} training texts with {train_rows.report}", highlight=False)
    console.print(f"labels {', '.join(labels)}", highlight=False)
    console.print(
        f"encoder with {encoder.count_params():,} parameters, {tokenizer.vocabulary_size:,} tokens; "
        f"{train_batches.num_batches()} batches an epoch; {keras.config.backend()} backend"
    )
    say_vocabulary(console, config, tokenizer)
    say_added_tokens(console, tokenizer, config.add_token)
    epoch = train_batches.num_batches()
    say_plan(console, epoch * epochs_of(config, epoch), epoch, config.max_minutes)

    settings = EntitySettings(
        window=config.window,
        overlap=config.overlap,
        word_scores={"first": "first", "all": "mean", "token": "first"}[config.subword_labels],
    )
    recognizer = EntityRecognizer(model, tokenizer, tag_ids.tags, settings)

    def score(_):
        strict = score_recognizer(recognizer, validation_texts).strict.micro
        return {"precision": strict.precision, "recall": strict.recall, "f1": strict.f1}

    with devices.scope():
        compile_model(model, config, train_batches.num_batches())
    validation = Validation(list(batches(validation_rows, shuffle=False).epoch(0)), score)
    claim = RunClaim(config, "ner", {TOKENIZER: tokenizer})
    result, checkpoints = fine_tune(config, model, train_batches, validation, "val_f1", claim)

    examples = [text.text for text in validation_texts[:200]]
    recognizer = EntityRecognizer(with_dtype(model, "float32"), tokenizer, tag_ids.tags, settings, examples)
    recognizer.save(config.directory)
    split, texts = ("validation", validation_texts) if test_texts is None else ("test", test_texts)
    scores = score_recognizer(recognizer, texts, progress=True)
    plot_confusion(
        scores.confusion, scores.names, config.directory / f"{split}.confusion.png", title=split, what="entities"
    )
    results = {
        "split": split,
        "texts": len(texts),
        "scores": scores.to_dict(),
        **training_facts(recognizer.model, result, checkpoints),
    }
    write_results(config.directory, results)
    report(console, results, scores, texts, recognizer, config.directory)
    return results


def report(console, results, scores, texts, recognizer, directory):
    """Prints the scores and the entities of a few texts."""
    console.print(scores.table(title=f"{results['split']}: {results['texts']:,} texts"))
    with_entities = [text.text for text in texts if text.entities]
    for text in with_entities[:: max(1, len(with_entities) // 5)][:5]:
        console.print(f"  {text}", markup=False, highlight=False)
        for entity in recognizer(text):
            line = f"    {entity['label']:<14} {entity['text']} ({entity['score']:.2f})"
            console.print(line, markup=False, highlight=False)
    print_ending(console, results, directory, "preset, learning curve and confusion picture")
