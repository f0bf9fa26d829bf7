"""Learning from pairs of texts, with or without hard negatives: the second is to be found by the first."""

from zoo.data import TupleBatches
from zoo.data.readers.retrieval_files import RetrievalSet
from zoo.errors import UserError
from zoo.metrics.retrieval import nearest, retrieval_scores

_RANKED = 100


class TextTuples:
    """Data of a run over anchors, positives and perhaps negatives, and its score: the first texts find the second ones.

    The corpus of a split is all texts of it but the first of each row.

    Args:
        config: `EmbeddingConfig`.
    """

    metric = "val_ndcg_at_10"
    losses = ("in-batch", "triplet")
    sources = ()

    def __init__(self, config):
        self._config = config
        self.num_texts = len(config.columns)
        self.train, self.validation, self.test = read_splits(config)
        self.batch_keys = config.loss != "triplet"

    def texts(self):
        """Training texts, to learn a vocabulary from."""
        return (text for row in self.train for text in row.texts)

    def examples(self):
        """Validation texts."""
        return [text for row in self.validation for text in row.texts[:2]]

    def lines(self):
        """What there is."""
        yield f"{len(self.train):,} training and {len(self.validation):,} validation rows of {self.num_texts} texts"

    def batches(self, encode, **options):
        """As of `LabelledTexts`."""
        splits = ((self.train, True), (self.validation, False))
        return tuple(self._batches(rows, encode, shuffle, **options) for rows, shuffle in splits)

    def _batches(self, rows, encode, shuffle, **options):
        tokens, members = encoded_columns(rows, encode)
        keys = [set(row.texts) for row in rows] if self.batch_keys else None
        batches = TupleBatches(tokens, members, self._labels(rows), keys, shuffle=shuffle, **options)
        if shuffle and keys and batches.num_batches() == len(rows):
            raise UserError(
                f"{self._config.train}: any two rows have a text in common, so that there is nothing to tell a row's "
                "texts apart from; --loss in-batch needs rows of different texts"
            )
        return batches

    def _labels(self, rows):
        return None

    def validation_scores(self, space):
        """Scores by name."""
        return found_in_corpus(space, retrieval_set(self.validation))

    def scores(self, space):
        """Scores by name of the test rows, or else of those of validation."""
        return found_in_corpus(space, retrieval_set(self.validation if self.test is None else self.test))

    @property
    def scored(self):
        """What `scores` is of."""
        found = retrieval_set(self.validation if self.test is None else self.test)
        split = "validation" if self.test is None else "test"
        return f"{split}: {len(found.queries):,} queries among {len(found.documents):,} texts"


def read_splits(config):
    """Training, validation and test rows; validation is every tenth training row where there is no file of it."""
    train = config.read_tuples(config.train)
    test = None if config.test is None else config.read_tuples(config.test)
    if config.validation is not None:
        return train, config.read_tuples(config.validation), test
    if len(train) < 2:
        raise UserError(f"{config.train}: one row is not enough to train on and to validate with; give --validation")
    held = set(range(min(9, len(train) - 1), len(train), 10))
    return (
        [row for place, row in enumerate(train) if place not in held],
        [row for place, row in enumerate(train) if place in held],
        test,
    )


def encoded_columns(rows, encode):
    """Rows of tokens of all different texts, and for each row of texts their numbers.

    The first text of a row has the prompt of queries, the others that of documents.
    """
    numbers: dict[tuple[int, str], int] = {}
    members = [
        [numbers.setdefault((min(place, 1), text), len(numbers)) for place, text in enumerate(row.texts)]
        for row in rows
    ]
    tokens: list = [None] * len(numbers)
    for prompt in (0, 1):
        places = {text: number for (of, text), number in numbers.items() if of == prompt}
        for number, row in zip(places.values(), encode(list(places), prompt), strict=True):
            tokens[number] = row
    return tokens, members


def retrieval_set(rows):
    """Queries, documents and relevance of rows of an anchor, a positive and any negatives."""
    queries: dict[str, int] = {}
    documents: dict[str, int] = {}
    relevance: list[dict[int, float]] = []
    for row in rows:
        query = queries.setdefault(row.texts[0], len(queries))
        if query == len(relevance):
            relevance.append({})
        for place, text in enumerate(row.texts[1:]):
            document = documents.setdefault(text, len(documents))
            if place == 0:
                relevance[query][document] = 1.0
    return RetrievalSet(list(queries), list(documents), relevance)


def found_in_corpus(space, wanted):
    """Scores by name of a `RetrievalSet`."""
    queries, documents = space.sides(wanted.queries, wanted.documents)
    return retrieval_scores(nearest(queries, documents, _RANKED), wanted.relevance)
