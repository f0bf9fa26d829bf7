"""Learning from pairs of texts with a score of how alike they are."""

import numpy as np
from scipy import stats

from recipes.embedding.text_tuples import TextTuples
from recipes.embedding.vector_spaces import products


class ScoredPairs(TextTuples):
    """Data of a run over pairs with scores, and its score: how well cosines are in the order of the scores."""

    metric = "val_spearman"
    losses = ("cosent", "cosine")

    def __init__(self, config):
        super().__init__(config)
        self.batch_keys = False

    def _labels(self, rows):
        low, high = self._config.score_low, self._config.score_high
        return np.array([(row.score - low) / (high - low) for row in rows], np.float32)

    def lines(self):
        """What there is."""
        yield f"{len(self.train):,} training and {len(self.validation):,} validation pairs with scores"

    def validation_scores(self, space):
        """Scores by name."""
        return _correlations(space, self.validation)

    def scores(self, space):
        """Scores by name of the test pairs, or else of those of validation."""
        return _correlations(space, self.validation if self.test is None else self.test)

    @property
    def scored(self):
        """What `scores` is of."""
        split, rows = ("validation", self.validation) if self.test is None else ("test", self.test)
        return f"{split}: {len(rows):,} pairs, cosines against scores"


def _correlations(space, rows):
    """Rank and linear correlation, 0 where cosines or scores are all the same."""
    cosines = products(*space.sides([row.texts[0] for row in rows], [row.texts[1] for row in rows]))
    scores = np.array([row.score for row in rows])
    if len(rows) < 2 or np.ptp(cosines) == 0 or np.ptp(scores) == 0:
        return {"spearman": 0.0, "pearson": 0.0}
    return {
        "spearman": float(stats.spearmanr(cosines, scores).statistic),
        "pearson": float(stats.pearsonr(cosines, scores).statistic),
    }
