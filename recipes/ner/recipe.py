"""Trains, evaluates and saves an entity recognizer."""

import functools
from typing import Any

import numpy as np

from recipes.encoders.fine_tuning import FineTuning
from recipes.ner.config import check_data_options
from recipes.skeleton.run_recipe import run_recipe
from zoo.data import open_dataset
from zoo.data.batches.entity_rows import entity_rows
from zoo.data.batches.label_alignment import TagIds
from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.entities import check_entity_labels, entity_labels
from zoo.evaluate.entities import score_recognizer
from zoo.metrics import plot_confusion
from zoo.models import TokenClassifier
from zoo.tasks import EntityRecognizer, EntitySettings


def open_splits(config) -> tuple[Any, Any, Any]:
    """Training, validation and test texts; the latter two are None where none were given."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="entities")
        return splits.train, splits.validation, splits.test
    paths = (config.train, config.validation, config.test)
    train, validation, test = (None if path is None else config.open_entities(path) for path in paths)
    return train, validation, test


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


class EntityRecognition(FineTuning):
    """A tag for every word, from an encoder that reads long texts in windows which overlap."""

    name = "ner"
    metric = "val_f1"
    leaves = "preset, learning curve and confusion picture"

    def open_data(self):
        """Texts with their entities; the labels are those of the training texts."""
        self.sources = train, validation, test = open_splits(self.config)
        if validation is None:
            self.train_texts, self.validation_texts = hold_out(train, labels_of=labels_of)
            self.say(f"{len(self.validation_texts):,} of the training texts are held out for validation")
        else:
            self.train_texts, self.validation_texts = list(train), list(validation)
        self.test_texts = None if test is None else list(test)
        self.labels = entity_labels(self.train_texts)
        for texts in (self.validation_texts, self.test_texts or ()):
            check_entity_labels(texts, self.labels)
        self.tag_ids = TagIds(self.labels)

    def make_head(self, encoder, **dropout):
        """A classifier of each token."""
        return TokenClassifier(encoder, len(self.tag_ids.tags), dtype=self.config.precision, **dropout)

    def batches(self):
        """Windows of tokens, one tag for each word."""
        self.train_rows = self._rows(self.train_texts)
        weights = label_weights(self.config, self.train_rows.word_counts)
        return (
            self._batches(self.train_rows, seed=self.config.seed, label_weights=weights),
            self._batches(self._rows(self.validation_texts), shuffle=False),
        )

    def _rows(self, texts):
        config, (tokenizer,) = self.config, self.tokenizers
        return entity_rows(
            texts,
            tokenizer.tokenize_with_offsets,
            self.tag_ids,
            bos_id=tokenizer.bos_id,
            eos_id=tokenizer.eos_id,
            window=config.window,
            overlap=config.overlap,
            subwords=config.subword_labels,
        )

    def _batches(self, rows, **options):
        return self.row_batches(
            rows.token_ids,
            rows.tag_ids,
            rows.weights,
            max_length=self.config.window,
            example_ids=rows.text_ids,
            **options,
        )

    def data_lines(self):
        """How the files are read, how many texts there are, and the labels."""
        yield from super().data_lines()
        yield f"{len(self.train_texts):,} training texts with {self.train_rows.report}"
        yield f"labels {', '.join(self.labels)}"

    def make_task(self, model, examples=()):
        """The recognizer, which judges words by the tokens that are trained."""
        settings = EntitySettings(
            window=self.config.window,
            overlap=self.config.overlap,
            word_scores={"first": "first", "all": "mean", "token": "first"}[self.config.subword_labels],
        )
        return EntityRecognizer(model, self.tokenizers[0], self.tag_ids.tags, settings, examples)

    def validation_score(self):
        """Precision, recall and F1 of whole entities, as the CoNLL script counts them."""

        def score(_):
            strict = score_recognizer(self.task, self.validation_texts).strict.micro
            return {"precision": strict.precision, "recall": strict.recall, "f1": strict.f1}

        return score

    def evaluate(self):
        """Entities of the test texts, or else of those of validation, and which are taken for which."""
        if self.test_texts is None:
            split, self.scored = "validation", self.validation_texts
        else:
            split, self.scored = "test", self.test_texts
        self.scores = scores = score_recognizer(self.task, self.scored, progress=True)
        picture = self.config.directory / f"{split}.confusion.png"
        plot_confusion(scores.confusion, scores.names, picture, title=split, what="entities")
        return {"split": split, "texts": len(self.scored), "scores": scores.to_dict()}

    def report(self, results):
        """Prints the scores and the entities of a few texts."""
        self.console.print(self.scores.table(title=f"{results['split']}: {results['texts']:,} texts"))
        with_entities = [text.text for text in self.scored if text.entities]
        for text in with_entities[:: max(1, len(with_entities) // 5)][:5]:
            self.say(f"  {text}")
            for entity in self.task(text):
                self.say(f"    {entity['label']:<14} {entity['text']} ({entity['score']:.2f})")


run = functools.partial(run_recipe, EntityRecognition)
