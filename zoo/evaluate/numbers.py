"""Correlations and the mean squared error of a text regressor or a scorer of pairs."""

from dataclasses import asdict

import numpy as np
from rich.table import Table

from zoo.data.readers.numbered_text import read_numbers
from zoo.errors import UserError
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics.regression import score_numbers


def evaluate_numbers(task, config):
    """Gives numbers to the texts of a file and compares them with those that stand there.

    Args:
        task: `zoo.tasks.TextRegressor` or `PairScorer`.
        config: An `EvaluateConfig`.
    """
    columns = list(config.label_columns or [config.label_column])
    text_pair = config.text_pair_column if len(task.inputs) > 1 else None
    texts = read_numbers(config.test_file, config.text_column, columns, config.delimiter, text_pair)
    truth = np.array([each.values for each in texts])
    if truth.shape[1] != len(task.labels):
        raise UserError(
            f"{config.test_file}: has {truth.shape[1]} numbers a text where the model gives {len(task.labels)}, "
            f"{', '.join(task.labels)}; name a column for each with --label-columns, in this order"
        )
    inputs = [[getattr(each, name) for each in texts] for name in task.inputs]
    answers = task(*inputs, batch_size=config.batch_size, progress=True)
    found = np.array([each["values"] if "values" in each else [each["score"]] for each in answers])
    scores = {
        label: score_numbers(truth[:, place], found[:, place], intervals=True)
        for place, label in enumerate(task.labels)
    }
    table = correlations_table(scores)
    title = f"{config.test_file}: {len(texts):,} texts"
    shown = [title, table]
    if any(score.value is None for metrics in scores.values() for score in metrics.values()):
        shown.append("numbers that are all the same have no correlation")
    values = {label: {name: asdict(score) for name, score in metrics.items()} for label, metrics in scores.items()}
    return Evaluation({"texts": len(texts), "scores": values}, shown)


def correlations_table(scores):
    """The table of what `score_numbers` gives, by the name of each number."""
    table = Table()
    for name in ("number", "metric", "score", "95% interval"):
        table.add_column(name, justify="right" if name in ("score", "95% interval") else "left")
    for label, metrics in scores.items():
        for score in metrics.values():
            table.add_row(label, score.name, *_shown(score))
    return table


def _shown(score):
    return ("none", "") if score.value is None else (f"{score.value:.4f}", f"{score.low:.4f} - {score.high:.4f}")
