"""Trains, evaluates and saves a classifier or a scorer of pairs of texts."""

from recipes.pairs.classification import PairClassification
from recipes.pairs.scoring import PairScoring
from recipes.skeleton.run_recipe import run_recipe


def run(config):
    """Runs the recipe for labels or, where the configuration names a column of scores, for these; see `run_recipe`."""
    return run_recipe(PairClassification if config.score_column is None else PairScoring, config)
