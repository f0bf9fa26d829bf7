"""Trains, evaluates and saves a classifier of pairs of texts."""

from dataclasses import asdict

from recipes.encoders.fine_tuning import EXAMPLES
from recipes.pairs.pair_rows import pair_examples, pair_rows, vocabulary_of_pairs
from recipes.text_classification.recipe import TextClassification
from zoo.checkpoints.hugging_face.pair_template import template_of
from zoo.data import open_dataset
from zoo.data.datasets.held_out import hold_out
from zoo.data.datasets.label_pairs import label_pairs
from zoo.data.readers.class_labels import class_labels
from zoo.evaluate.classes import true_classes
from zoo.tasks import PairClassificationSettings, PairClassifier


class PairClassification(TextClassification):
    """One label of a pair of texts, or any number of them, from what an encoder makes of both in one row."""

    name = "pairs"

    def open_data(self):
        """Pairs with their labels: those of files, or made of the texts of a data set with classes."""
        config = self.config
        if config.dataset is None:
            super().open_data()
            return
        config.check_one_training_set("train")
        splits = open_dataset(config.dataset, task="classification")
        train, validation = hold_out(splits.train)
        self.train_texts, self.validation_texts, test = (label_pairs(each) for each in (train, validation, splits.test))
        self.sources = self.train_texts, self.validation_texts, test
        self.labels, self.multi_label = class_labels(self.train_texts)

    def start(self):
        """The model and its tokenizer; a new vocabulary is one of both texts."""
        model, tokenizers = super().start()
        template = template_of(tokenizers[0])._asdict()
        settings = {**asdict(self.settings), **template, "truncation": self.config.truncation}
        self.settings = PairClassificationSettings(**settings)
        return model, tokenizers

    def vocabulary_texts(self):
        """Both texts of every pair."""
        return vocabulary_of_pairs(self.train_texts)

    def make_task(self, model, examples=()):
        """The classifier."""
        return PairClassifier(model, *self.tokenizers, self.labels, self.settings, examples)

    def examples(self):
        """Validation pairs."""
        return pair_examples(self.validation_texts[:EXAMPLES])

    def _rows(self, texts):
        return ClassifiedPairRows(texts, self.make_task(self.model))

    def _batches(self, rows, **options):
        segments = {"segment_ids": rows.segment_ids} if self.settings.second_segment else {}
        return super()._batches(rows, **segments, **options)


class ClassifiedPairRows:
    """Pairs as rows of tokens and labels.

    Args:
        texts: list of `ClassifiedText` with a `text_pair`.
        task: `PairClassifier`.

    Attributes:
        token_ids, segment_ids: As of `TokenRowLists`.
        labels: int64 [N], or float32 [N, C] of 0 and 1 where pairs have any number of labels.
    """

    def __init__(self, texts, task):
        rows, multi_label = pair_rows(texts, task), task.settings.multi_label
        self.token_ids, self.segment_ids = rows.token_ids, rows.segment_ids
        labels = true_classes(texts, task.labels, multi_label)
        self.labels = labels.astype("float32") if multi_label else labels
