"""Scores of predicted entities: per type, strict and relaxed, and which types are taken for which.

Strict scores are seqeval's (Nakayama 2018) in its default mode, which is that of the script conlleval of the CoNLL
shared tasks (Tjong Kim Sang and Buchholz 2000): an entity is right if its first token, its last token and its type
are. Scores of papers on CoNLL-2003 and WNUT-17 are of that kind. seqeval's own "strict" mode instead drops entities
whose tags break the scheme, such as an I- after O, and gives other numbers for taggers that produce such tags; here
both are the same, since what is compared are spans, which are spelled as legal tags for seqeval.

Relaxed scores count a prediction as right if it overlaps an entity of its type, each entity and each prediction at
most once. That is the measure "type" of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013), as strict is its "strict";
in MUC's terms (Chinchor and Sundheim 1993) both are correct / actual and correct / possible.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.data.readers.tag_schemes import spans_to_tags, tags_to_spans
from zoo.errors import UserError
from zoo.metrics.label_scores import LabelScore, LabelScores, f1_intervals, score_table, scores_from_counts

NO_ENTITY = "no entity"


@dataclass(frozen=True)
class EntityReport:
    """How good predicted entities are.

    Attributes:
        strict, relaxed: `LabelScores`, as the module describes them. Labels are those that occur.
        confusion: int [L + 1, L + 1]: how many entities of each type (rows) were predicted as each type (columns), in
            the order of `strict.labels`; last in the columns are those missed, last in the rows those made up.
        num_texts: Number of texts.
        intervals: 95% confidence intervals by bootstrap over the texts, dict from name to (low, high); empty unless
            asked for.
    """

    strict: LabelScores
    relaxed: LabelScores
    confusion: np.ndarray
    num_texts: int
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What the rows and columns of `confusion` are called."""
        return [*self.strict.labels, NO_ENTITY]

    def to_dict(self) -> dict[str, Any]:
        """The same as dicts, lists, numbers and text, for JSON."""
        return {
            "num_texts": self.num_texts,
            "strict": self.strict.to_dict(),
            "relaxed": self.relaxed.to_dict(),
            "confusion": {"names": self.names, "counts": self.confusion.tolist()},
            **({"intervals": self.intervals} if self.intervals else {}),
        }

    def table(self, title: str = "") -> Any:
        """A `rich.table.Table` of the strict scores and the relaxed F1."""
        return score_table(title or f"{self.num_texts:,} texts", self.strict, self.relaxed)


def score_entities(references: Any, predictions: Any, *, intervals: bool = False) -> EntityReport:
    """Compares predicted entities with those of the references.

    Args:
        references: list of N lists of (start, end, label), such as `Entity`. Offsets may count characters or tokens.
        predictions: list of N such lists, in the same unit. Scores on the tokens of a file need predictions that end
            where tokens do; see `zoo.data.batches.label_alignment.tags_on_tokens`.
        intervals: Whether to compute confidence intervals.

    Returns:
        `EntityReport`.

    Raises:
        UserError: The lists are of different lengths or empty.

    Example:
        >>> report = score_entities([[(0, 4, "place")]], [[(0, 4, "place"), (5, 7, "person")]])
        >>> round(report.strict.micro.f1, 3)
        0.667
    """
    references = [sorted(map(tuple, each)) for each in references]
    predictions = [sorted(map(tuple, each)) for each in predictions]
    if len(references) != len(predictions):
        raise UserError(
            f"there are predictions for {len(predictions):,} texts but references for {len(references):,}; "
            "each text needs both"
        )
    if not references:
        raise UserError("there are no texts to score")
    pairs = list(zip(references, predictions, strict=True))
    labels = sorted({label for each in (*references, *predictions) for _, _, label in each})
    return EntityReport(
        strict=_strict(pairs, labels),
        relaxed=scores_from_counts(_counts(pairs, labels, _overlapping)),
        confusion=_confusion(pairs, labels),
        num_texts=len(pairs),
        intervals=_intervals(pairs, labels) if intervals and labels else {},
    )


def score_tags(references: Any, predictions: Any) -> EntityReport:
    """Compares tags with tags, as conlleval does, broken sequences included.

    Args:
        references, predictions: list of N lists of BIO or IOB1 tags.

    Returns:
        `EntityReport`.

    Raises:
        UserError: As `score_entities`, and for a text whose tags are not as many as those of its reference.
    """
    for number, (reference, prediction) in enumerate(zip(references, predictions, strict=False), 1):
        if len(reference) != len(prediction):
            raise UserError(f"text {number} has {len(reference):,} tags but {len(prediction):,} predicted ones")
    return score_entities(*([tags_to_spans(tags, lenient=True) for tags in each] for each in (references, predictions)))


def _strict(pairs, labels):
    # Imported here because seqeval imports scikit-learn, which takes a while.
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    if not labels:
        return scores_from_counts({})
    true, predicted = zip(*(_spelled(*pair) for pair in pairs), strict=True)
    predicted_counts = _counts(pairs, labels, lambda *_: 0)

    def scores(average):
        return precision_recall_fscore_support(list(true), list(predicted), average=average, zero_division=0)

    by_label = {
        label: LabelScore(float(precision), float(recall), float(f1), int(support), predicted_counts[label][1])
        for label, precision, recall, f1, support in zip(labels, *scores(None), strict=True)
    }
    total = sum(score.support for score in by_label.values())
    found = sum(score.predicted for score in by_label.values())
    averages = (
        LabelScore(*map(float, scores(name)[:3]), support=total, predicted=found)
        for name in ("micro", "macro", "weighted")
    )
    return LabelScores(by_label, *averages)


def _spelled(reference, prediction):
    """Both lists of spans as tags over the pieces into which all their boundaries cut the text."""
    boundaries = sorted({offset for span in (*reference, *prediction) for offset in span[:2]})
    place = {offset: number for number, offset in enumerate(boundaries)}
    length = max(0, len(boundaries) - 1)
    return tuple(
        spans_to_tags([(place[start], place[end], label) for start, end, label in spans], length)
        for spans in (reference, prediction)
    )


def _counts(pairs, labels, matched):
    """(right, predicted, support) by label; `matched` says how many of two lists of spans of one label match."""
    counts = {label: np.zeros(3, int) for label in labels}
    for reference, prediction in pairs:
        by_label = defaultdict(lambda: ([], []))
        for side, spans in enumerate((reference, prediction)):
            for span in spans:
                by_label[span[2]][side].append(span)
        for label, (true, predicted) in by_label.items():
            counts[label] += (matched(true, predicted), len(predicted), len(true))
    return {label: tuple(map(int, each)) for label, each in counts.items()}


def _intervals(pairs, labels):
    found = {}
    for kind, matched in (("strict", _identical), ("relaxed", _overlapping)):
        counts = [list(_counts([pair], labels, matched).values()) for pair in pairs]
        found |= {f"{kind} {name}": each for name, each in f1_intervals(np.array(counts)).items()}
    return found


def _identical(true, predicted):
    """How many spans are in both lists."""
    return len(set(true) & set(predicted))


def _overlapping(true, predicted):
    """The most pairs that overlap, each span in one pair at most; both lists in order and free of overlaps."""
    matched = first = second = 0
    while first < len(true) and second < len(predicted):
        if true[first][1] <= predicted[second][0]:
            first += 1
        elif predicted[second][1] <= true[first][0]:
            second += 1
        else:
            matched, first, second = matched + 1, first + 1, second + 1
    return matched


def _confusion(pairs, labels):
    """Entities go with the prediction of the same span, or else with the one that overlaps them most."""
    place = {label: number for number, label in enumerate(labels)}
    nothing = len(labels)
    counts = np.zeros((nothing + 1, nothing + 1), int)
    for reference, prediction in pairs:
        overlaps, begin = [], 0
        for first, (start, end, _) in enumerate(reference):
            while begin < len(prediction) and prediction[begin][1] <= start:
                begin += 1
            for second in range(begin, len(prediction)):
                if prediction[second][0] >= end:
                    break
                same = prediction[second][:2] == (start, end)
                shared = min(end, prediction[second][1]) - max(start, prediction[second][0])
                overlaps.append((not same, -shared, first, second))
        free, left = set(range(len(reference))), set(range(len(prediction)))
        for _, _, first, second in sorted(overlaps):
            if first in free and second in left:
                free.remove(first)
                left.remove(second)
                counts[place[reference[first][2]], place[prediction[second][2]]] += 1
        for first in free:
            counts[place[reference[first][2]], nothing] += 1
        for second in left:
            counts[nothing, place[prediction[second][2]]] += 1
    return counts
