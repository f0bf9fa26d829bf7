"""Learning from texts with labels: those of the same label are to be near to each other."""

from collections import Counter

import numpy as np

from zoo.data import SameLabelBatches, TupleBatches, open_dataset
from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.class_labels import check_class_labels, class_labels
from zoo.data.readers.text_tuples import check_not_empty
from zoo.errors import UserError
from zoo.metrics.retrieval import nearest

# Neighbours that validation during training looks among.
_MOST_NEIGHBOURS = 2000


class LabelledTexts:
    """Data of a run over texts with one label each, and its score: the label of the nearest training text is right.

    Args:
        config: `EmbeddingConfig`.

    Attributes:
        sources: Readers of training, validation and test data, of which the latter may be None.
        labels: The labels, sorted.
    """

    num_texts = 2
    metric = "val_accuracy"
    losses = ("in-batch",)

    def __init__(self, config):
        self._config = config
        self.sources = train, validation, test = self._open()
        texts = list(train)
        self.labels, multi_label = class_labels(texts)
        if multi_label:
            raise UserError("embedders learn from texts with exactly one label each; these have any number of them")
        for source in (validation, test):
            if source is not None:
                check_class_labels(source, self.labels, False)
        texts = self._chosen(texts)
        held_out = validation is None
        self.train, self.validation = hold_out(texts) if held_out else (texts, list(validation))
        self.test = None if test is None else list(test)
        for text in (*self.train, *self.validation, *(self.test or ())):
            check_not_empty(text.text, f"{text.source}: the text")
        self.neighbours = texts if held_out else self.train

    def _open(self):
        config = self._config
        if config.dataset is not None:
            splits = open_dataset(config.dataset, task="classification")
            return splits.train, splits.validation, splits.test
        train = config.open_classes(config.train)
        others = (config.validation, config.test)
        return train, *(None if path is None else config.open_classes(path, like=train) for path in others)

    def _chosen(self, texts):
        """So many texts of each label as are asked for, drawn at random, in the order of the file."""
        most = self._config.texts_per_label
        if most is None:
            return texts
        order = np.random.default_rng(self._config.seed).permutation(len(texts))
        seen: Counter = Counter()
        chosen = []
        for place in order.tolist():
            label = texts[place].labels[0]
            seen[label] += 1
            if seen[label] <= most:
                chosen.append(place)
        return [texts[place] for place in sorted(chosen)]

    def texts(self):
        """Training texts, to learn a vocabulary from."""
        return (text.text for text in self.train)

    def examples(self):
        """Validation texts."""
        return [text.text for text in self.validation]

    def lines(self):
        """What there is."""
        yield (
            f"{len(self.train):,} training and {len(self.validation):,} validation texts, {len(self.labels)} labels; "
            "a batch has each label once at most"
        )

    def batches(self, encode, **options):
        """Batches to train on and to validate with.

        Args:
            encode: From texts and the number of a prompt to rows of tokens.
            options: As of `SameLabelBatches`.
        """
        numbers = {label: number for number, label in enumerate(self.labels)}
        train, validation = ([numbers[text.labels[0]] for text in texts] for texts in (self.train, self.validation))
        tokens = encode([text.text for text in self.train], 0)
        held_out = encode([text.text for text in self.validation], 0)
        # Each with a training text of its label, because there may be one alone of a label.
        rng = np.random.default_rng(options["seed"])
        of_label = {label: np.flatnonzero(np.array(train) == label) for label in set(validation)}
        pairs = [[len(tokens) + place, rng.choice(of_label[label])] for place, label in enumerate(validation)]
        keys = [{label} for label in validation]
        return (
            SameLabelBatches(tokens, train, **options),
            TupleBatches([*tokens, *held_out], pairs, keys=keys, shuffle=False, **options),
        )

    def validation_scores(self, space):
        """Scores by name, of validation texts among some of the training texts."""
        step = -(-len(self.train) // _MOST_NEIGHBOURS)
        return self._scores(space, self.validation, self.train[::step])

    def scores(self, space):
        """Scores by name of the test texts, or else of those of validation."""
        if self.test is None:
            return self._scores(space, self.validation, self.train)
        return self._scores(space, self.test, self.neighbours)

    def _scores(self, space, texts, neighbours):
        queries, documents = space.sides([each.text for each in texts], [each.text for each in neighbours], 0)
        found = nearest(queries, documents, 1)[:, 0]
        right = [text.labels == neighbours[place].labels for text, place in zip(texts, found, strict=True)]
        return {"accuracy": float(np.mean(right))}

    @property
    def scored(self):
        """What `scores` is of."""
        split, texts = ("validation", self.validation) if self.test is None else ("test", self.test)
        among = self.train if self.test is None else self.neighbours
        return f"{split}: {len(texts):,} texts, each with the label of the nearest of {len(among):,} training texts"
