"""Learning the vectors of another embedder."""

import numpy as np

import zoo
from recipes.embedding.text_tuples import read_splits
from recipes.embedding.vector_spaces import products
from zoo.data import TupleBatches
from zoo.errors import UserError


class TaughtTexts:
    """Data of a run over texts alone and a teacher's vectors of them, and its score: the mean cosine with these.

    Args:
        config: `EmbeddingConfig`.
    """

    num_texts = 1
    metric = "val_cosine"
    losses = ("distillation",)
    sources = ()

    def __init__(self, config):
        train, validation, test = read_splits(config)
        self.train, self.validation = _different(train), _different(validation)
        self.test = None if test is None else _different(test)
        self._teacher = zoo.load(config.teacher)
        if not hasattr(self._teacher, "embedding_dim"):
            raise UserError(f"--teacher {config.teacher} holds a {type(self._teacher).__name__}, which is no embedder")
        self._vectors = {}

    @property
    def embedding_dim(self):
        """Entries of the teacher's vectors."""
        return self._teacher.embedding_dim

    def texts(self):
        """Training texts, to learn a vocabulary from."""
        return iter(self.train)

    def examples(self):
        """Validation texts."""
        return self.validation

    def lines(self):
        """What there is."""
        yield (
            f"{len(self.train):,} training and {len(self.validation):,} validation texts; the teacher's vectors have "
            f"{self.embedding_dim} entries"
        )

    def batches(self, encode, **options):
        """As of `LabelledTexts`."""
        return (
            TupleBatches(
                encode(texts, 0), np.arange(len(texts))[:, None], self._taught(texts), shuffle=shuffle, **options
            )
            for texts, shuffle in ((self.train, True), (self.validation, False))
        )

    def _taught(self, texts):
        """The teacher's vectors, each computed once."""
        new = [text for text in texts if text not in self._vectors]
        self._vectors.update(zip(new, self._teacher(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])

    def validation_scores(self, space):
        """Scores by name."""
        return self._scores(space, self.validation)

    def scores(self, space):
        """Scores by name of the test texts, or else of those of validation."""
        return self._scores(space, self.validation if self.test is None else self.test)

    def _scores(self, space, texts):
        taught = self._taught(texts)
        taught = taught / np.maximum(np.linalg.norm(taught, axis=1, keepdims=True), 1e-12)
        return {"cosine": float(np.mean(products(space.vectors(texts)[:, : taught.shape[1]], taught)))}

    @property
    def scored(self):
        """What `scores` is of."""
        split, texts = ("validation", self.validation) if self.test is None else ("test", self.test)
        return f"{split}: {len(texts):,} texts, mean cosine with the teacher's vectors"


def _different(rows):
    """All texts of rows, each once."""
    return list(dict.fromkeys(text for row in rows for text in row.texts))
