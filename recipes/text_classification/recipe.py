"""Trains, evaluates and saves a text classifier."""

import functools
from dataclasses import replace

import keras
import numpy as np

from recipes.encoders.fine_tuning import FineTuning
from recipes.skeleton.run_recipe import run_recipe
from recipes.text_classification.config import check_data_options
from zoo.data import open_dataset
from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.class_labels import check_class_labels, class_labels
from zoo.evaluate.classes import decisions, probabilities
from zoo.metrics import calibration_bins, fit_temperature, plot_confusion, plot_reliability, score_classes
from zoo.models import SequenceClassifier
from zoo.tasks import ClassificationSettings, TextClassifier

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


class TextClassification(FineTuning):
    """One label of a text, or any number of them, from what an encoder makes of all its tokens."""

    name = "text_classification"
    metric = "val_exact"
    leaves = "preset, learning curve and pictures"

    @property
    def pooler(self):
        """Whether the classifier reads the encoder's pooler."""
        return self.config.pooling == "pooler"

    def open_data(self):
        """Texts with their labels, which are those of the training texts."""
        self.sources = train, validation, test = open_splits(self.config)
        self.labels, self.multi_label = class_labels(train)
        for source in (validation, test):
            if source is not None:
                check_class_labels(source, self.labels, self.multi_label)
        if validation is None:
            self.train_texts, self.validation_texts = hold_out(train)
        else:
            self.train_texts, self.validation_texts = list(train), list(validation)

    def make_head(self, encoder, **dropout):
        """A classifier of the whole text."""
        config = self.config
        model = SequenceClassifier(encoder, len(self.labels), pooling=config.pooling, dtype=config.precision, **dropout)
        self.settings = ClassificationSettings(
            multi_label=self.multi_label, max_source_length=min(config.max_source_length, model.max_sequence_length)
        )
        return model

    def batches(self):
        """Beginnings of texts."""
        train, self.validation_rows = self._rows(self.train_texts), self._rows(self.validation_texts)
        return self._batches(train, seed=self.config.seed), self._batches(self.validation_rows, shuffle=False)

    def _rows(self, texts):
        return ClassifiedRows(texts, self.tokenizers[0], self.labels, self.multi_label, self.settings.max_source_length)

    def _batches(self, rows, **options):
        return self.row_batches(rows.token_ids, rows.labels, max_length=self.settings.max_source_length, **options)

    def loss(self):
        """Cross-entropy of the one right label, or of each label by itself."""
        if not self.multi_label:
            return super().loss()
        return keras.losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=self.config.label_smoothing, reduction="mean_with_sample_weight"
        )

    def data_lines(self):
        """How the files are read, and how many texts and labels there are."""
        yield from super().data_lines()
        any_number = ", any number of them a text" if self.multi_label else ""
        yield (
            f"{len(self.train_texts):,} training and {len(self.validation_texts):,} validation texts, "
            f"{len(self.labels)} labels{any_number}"
        )

    def make_task(self, model, examples=()):
        """The classifier."""
        return TextClassifier(model, self.tokenizers[0], self.labels, self.settings, examples)

    def validation_score(self):
        """Share of texts with exactly the right labels, and macro F1."""

        def score(_):
            decided = decisions(self._logits(self.validation_texts), self.settings)
            report = score_classes(self.validation_rows.labels, decided, self.labels)
            return {"exact": report.accuracy, "macro_f1": report.scores.macro.f1}

        return score

    def _logits(self, texts):
        return self.task.logits(*([getattr(text, name) for text in texts] for name in self.task.inputs))

    def validation_metrics(self):
        """Those of the one right label, or of each label by itself."""
        if not self.multi_label:
            return None
        return [
            keras.metrics.BinaryCrossentropy(name="nll", from_logits=True),
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
        ]

    def final_task(self, model):
        """The classifier with the temperature that suits the validation texts best."""
        self.task = self.make_task(model)
        self.validation_logits = self._logits(self.validation_texts)
        if self.config.calibrate:
            temperature = fit_temperature(self.validation_logits, self._truth(self.validation_rows))
            self.settings = replace(self.settings, temperature=temperature)
        return super().final_task(model)

    def _truth(self, rows):
        return rows.labels.astype(bool) if self.multi_label else rows.labels

    def evaluate(self):
        """Labels of the test texts, or else of those of validation, and how far probabilities can be trusted."""
        test, settings, directory = self.sources[2], self.settings, self.config.directory
        if test is None:
            split, self.scored, rows = "validation", self.validation_texts, self.validation_rows
            logits = self.validation_logits
        else:
            split, self.scored = "test", list(test)
            logits, rows = self._logits(self.scored), self._rows(self.scored)
        truth = self._truth(rows)
        self.scores = scores = score_classes(truth, decisions(logits, settings), self.labels)
        curves = {
            "uncalibrated": calibration_bins(probabilities(logits, replace(settings, temperature=1.0)), truth),
            f"temperature {settings.temperature:.2f}": calibration_bins(probabilities(logits, settings), truth),
        }
        plot_reliability(curves, directory / f"{split}.reliability.png", title=split)
        if scores.confusion is not None:
            plot_confusion(scores.confusion, scores.names, directory / f"{split}.confusion.png", title=split)
        return {
            "split": split,
            "texts": len(self.scored),
            "scores": scores.to_dict(),
            "temperature": settings.temperature,
            "expected_calibration_error": {name: bins.expected_error for name, bins in curves.items()},
        }

    def report(self, results):
        """Prints the scores and the labels of a few texts."""
        scores, texts = self.scores, self.scored
        title = f"{results['split']}: {results['texts']:,} texts, accuracy {100 * scores.accuracy:.2f}%"
        self.console.print(scores.table(title=title))
        for right, wrong, count in scores.most_confused(5):
            self.say(f"  {count} of {right} taken for {wrong}")
        for text in texts[:: max(1, len(texts) // 5)][:5]:
            words = [getattr(text, name) for name in self.task.inputs]
            answer = self.task(*words)
            found = zip(answer["labels"], answer["scores"], strict=True)
            for each in words:
                self.say(f"  {each[:100]}")
            self.say(f"    {', '.join(f'{label} ({score:.2f})' for label, score in found)[:100]}")
        errors = results["expected_calibration_error"].items()
        self.say(f"expected calibration error: {', '.join(f'{name} {100 * error:.1f}%' for name, error in errors)}")


run = functools.partial(run_recipe, TextClassification)
