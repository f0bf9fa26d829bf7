"""Scores of text classification: accuracy and the precision, recall and F1 of every class, by scikit-learn."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.metrics.bootstrap import interval, resampled_sums
from zoo.metrics.label_scores import LabelScore, LabelScores, f1_intervals, score_table


@dataclass(frozen=True)
class ClassReport:
    """How good predicted classes are.

    Attributes:
        accuracy: Share of the texts whose class is right; of a multi-label data set, whose labels are all right.
        scores: `LabelScores`, of all labels, whether they occur or not.
        confusion: int [L, L]: how many texts of each class (rows) were predicted as each class (columns), in the
            order of `scores.labels`; None for a multi-label data set.
        num_texts: Number of texts.
        intervals: 95% confidence intervals by bootstrap over the texts, dict from name to (low, high); empty unless
            asked for.
    """

    accuracy: float
    scores: LabelScores
    confusion: np.ndarray | None
    num_texts: int
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What the rows and columns of `confusion` are called."""
        return list(self.scores.labels)

    def to_dict(self) -> dict[str, Any]:
        """The same as dicts, lists, numbers and text, for JSON."""
        result = {"num_texts": self.num_texts, "accuracy": self.accuracy, **self.scores.to_dict()}
        if self.confusion is not None:
            result["confusion"] = {"names": self.names, "counts": self.confusion.tolist()}
        if self.intervals:
            result["intervals"] = self.intervals
        return result

    def table(self, title: str = "") -> Any:
        """A `rich.table.Table` of the scores."""
        return score_table(title or f"{self.num_texts:,} texts, accuracy {100 * self.accuracy:.2f}%", self.scores)

    def most_confused(self, count: int = 10) -> Any:
        """The commonest mistakes: list of (label, label predicted instead, number of texts), most frequent first."""
        if self.confusion is None:
            return []
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        pairs = [divmod(int(place), len(wrong)) for place in order]
        return [
            (self.names[row], self.names[column], int(wrong[row, column]))
            for row, column in pairs
            if wrong[row, column]
        ]


def score_classes(references: Any, predictions: Any, labels: Any, *, intervals: bool = False) -> ClassReport:
    """Compares predicted classes with those of the references.

    Args:
        references: Integers [N], the index of each text's class in `labels`; or, where texts have any number of
            labels, bool [N, L].
        predictions: The same, predicted.
        labels: Sequence of L str.
        intervals: Whether to compute confidence intervals.

    Returns:
        `ClassReport`.

    Raises:
        UserError: There are no texts, or not as many predictions as references.

    Example:
        >>> score_classes([0, 1, 1], [0, 1, 0], ["no", "yes"]).accuracy
        0.6666666666666666
    """
    # Imported here because it takes a while.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    references, predictions = np.asarray(references), np.asarray(predictions)
    if references.shape != predictions.shape:
        raise UserError(
            f"there are predictions of shape {predictions.shape} but references of shape {references.shape}; "
            "each text needs both"
        )
    if not len(references):
        raise UserError("there are no texts to score")
    numbers = list(range(len(labels)))
    multi_label = references.ndim == 2
    if multi_label:
        references, predictions = references.astype(bool), predictions.astype(bool)
        predicted_counts, support = predictions.sum(0), references.sum(0)
        right = (references == predictions).all(axis=1)
    else:
        predicted_counts = np.bincount(predictions, minlength=len(labels))
        support = np.bincount(references, minlength=len(labels))
        right = references == predictions

    def scores(average):
        return precision_recall_fscore_support(
            references, predictions, labels=numbers, average=average, zero_division=0
        )

    by_label = {
        label: LabelScore(float(precision), float(recall), float(f1), int(occurs), int(found))
        for label, precision, recall, f1, occurs, found in zip(
            labels, *scores(None)[:3], support, predicted_counts, strict=True
        )
    }
    averages = (
        LabelScore(*map(float, scores(name)[:3]), support=int(support.sum()), predicted=int(predicted_counts.sum()))
        for name in ("micro", "macro", "weighted")
    )
    return ClassReport(
        accuracy=float(right.mean()),
        scores=LabelScores(by_label, *averages),
        confusion=None if multi_label else confusion_matrix(references, predictions, labels=numbers),
        num_texts=len(references),
        intervals=_intervals(references, predictions, right, len(labels)) if intervals else {},
    )


def _intervals(references, predictions, right, num_labels):
    if references.ndim == 1:
        references, predictions = (np.eye(num_labels, dtype=bool)[each] for each in (references, predictions))
    found = f1_intervals(np.stack([references & predictions, predictions, references], axis=-1))
    return {"accuracy": interval(resampled_sums(right) / len(right)), **found}
