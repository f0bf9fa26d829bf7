"""Precision, recall and F1 of labels and their averages, as a table and as plain data."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from zoo.metrics.bootstrap import interval, resampled_sums


class LabelScore(NamedTuple):
    """The score of one label, or an average over labels.

    Attributes:
        precision: Share of what was predicted that is right, between 0 and 1; 0 where nothing was predicted.
        recall: Share of what there is that was found; 0 where there is nothing.
        f1: Their harmonic mean; of an average over labels, the average of the labels' F1.
        support: How many there are in the references.
        predicted: How many were predicted.
    """

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True)
class LabelScores:
    """Scores by label and their averages.

    Attributes:
        labels: Score by label, in alphabetical order.
        micro: All labels' cases counted together.
        macro: Mean over the labels, each counting the same.
        weighted: Mean over the labels, each counting as often as it occurs in the references.
    """

    labels: dict[str, LabelScore]
    micro: LabelScore
    macro: LabelScore
    weighted: LabelScore

    def to_dict(self) -> dict[str, Any]:
        """The same as dicts, numbers and text, for JSON."""
        averages = {name: getattr(self, name)._asdict() for name in AVERAGES}
        return {"labels": {label: score._asdict() for label, score in self.labels.items()}, **averages}


AVERAGES = ("micro", "macro", "weighted")


def scores_from_counts(counts):
    """`LabelScores` from what was counted.

    Args:
        counts: dict from label to (right, predicted, support).

    Returns:
        `LabelScores`; all zeros if there is no label.
    """
    labels = {label: _score(*counts[label]) for label in sorted(counts)}
    right, predicted, support = (sum(each[place] for each in counts.values()) for place in range(3))
    return with_averages(labels, _score(right, predicted, support))


def with_averages(labels, micro):
    """`LabelScores` with the averages that follow from the scores of the labels."""
    scores = list(labels.values())

    def average(weights):
        total = sum(weights)
        means = [
            sum(weight * score[place] for weight, score in zip(weights, scores, strict=True)) / total if total else 0.0
            for place in range(3)
        ]
        return LabelScore(*means, support=micro.support, predicted=micro.predicted)

    return LabelScores(labels, micro, average([1] * len(scores)), average([score.support for score in scores]))


def f1_intervals(counts):
    """95% confidence intervals of averages of F1, by bootstrap over texts.

    The macro average of a resampled set is over the labels that occur in it.

    Args:
        counts: Numbers [N, L, 3] of N texts and L labels: right, predicted, support.

    Returns:
        dict from "micro F1" and "macro F1" to (low, high), between 0 and 1.
    """
    counts = np.asarray(counts)
    sums = resampled_sums(counts)
    totals = sums[..., 1] + sums[..., 2]
    f1 = np.divide(2 * sums[..., 0], totals, out=np.zeros_like(totals), where=totals > 0)
    # Labels that occur nowhere are part of the average, as 0.
    counted = (totals > 0) | (counts[..., 1:].sum(axis=(0, 2)) == 0)
    summed = sums.sum(axis=1)
    micro_totals = summed[:, 1] + summed[:, 2]
    micro = np.divide(2 * summed[:, 0], micro_totals, out=np.zeros_like(micro_totals), where=micro_totals > 0)
    return {
        "micro F1": interval(micro),
        "macro F1": interval(f1.sum(axis=1) / np.maximum(counted.sum(axis=1), 1)),
    }


def _score(right, predicted, support):
    return LabelScore(
        precision=right / predicted if predicted else 0.0,
        recall=right / support if support else 0.0,
        f1=2 * right / (predicted + support) if predicted + support else 0.0,
        support=support,
        predicted=predicted,
    )


def score_table(title, scores, relaxed=None):
    """A rich table for terminals of 80 columns, in percent: a row for each label, then the averages.

    Args:
        title: Heading.
        scores: `LabelScores`.
        relaxed: A second `LabelScores` of the same labels, whose F1 is shown too.

    Returns:
        `rich.table.Table`.
    """
    table = Table(title=Text(title), title_justify="left")
    # Long names go on in the next line.
    table.add_column("", max_width=28, overflow="fold")
    for name in ("precision", "recall", "F1", *(["relaxed F1"] if relaxed else []), "support", "predicted"):
        table.add_column(name, justify="right", min_width=6, overflow="fold")

    def row(name, score, other):
        percents = [*score[:3], *([other.f1] if other else [])]
        counts = (f"{score.support:,}", f"{score.predicted:,}")
        table.add_row(Text(name), *(f"{100 * value:.2f}" for value in percents), *counts)

    for label, score in scores.labels.items():
        row(label, score, relaxed and relaxed.labels[label])
    table.add_section()
    for name in AVERAGES:
        row(name, getattr(scores, name), relaxed and getattr(relaxed, name))
    return table
