"""Strict scores against seqeval on tags and against sets of spans, relaxed ones and confusions against brute force."""

import io
import itertools
import json
import random

import numpy as np
import pytest
from rich.console import Console
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.scheme import IOB2

from zoo.data.readers.entities import Entity
from zoo.errors import UserError
from zoo.metrics import score_entities, score_tags

LABELS = ("a", "b", "c-d")


def random_spans(rng, length=14):
    cuts = sorted(rng.sample(range(length + 1), rng.randint(0, 8)))
    return [Entity(start, end, rng.choice(LABELS)) for start, end in itertools.pairwise(cuts) if rng.random() < 0.6]


@pytest.fixture(scope="module")
def spans():
    rng = random.Random(1)
    references = [random_spans(rng) for _ in range(300)]
    predictions = [
        [span for span in spans if rng.random() < 0.7] if rng.random() < 0.6 else random_spans(rng)
        for spans in references
    ]
    return references, predictions


def f1(right, predicted, support):
    precision, recall = right / predicted, right / support
    return precision, recall, 2 * precision * recall / (precision + recall)


def test_strict_scores_are_those_of_sets_of_spans(spans):
    references, predictions = spans
    report = score_entities(*spans)
    true = {(row, *span) for row, each in enumerate(references) for span in each}
    found = {(row, *span) for row, each in enumerate(predictions) for span in each}
    assert report.strict.micro[:3] == pytest.approx(f1(len(true & found), len(found), len(true)))
    assert report.strict.micro[3:] == (len(true), len(found))
    expected = []
    for label in LABELS:
        mine, its = ({span for span in spans if span[3] == label} for spans in (true, found))
        expected.append(f1(len(mine & its), len(its), len(mine)))
        assert report.strict.labels[label][:3] == pytest.approx(expected[-1])
        assert report.strict.labels[label][3:] == (len(mine), len(its))
    supports = [report.strict.labels[label].support for label in LABELS]
    assert report.strict.macro[:3] == pytest.approx(np.mean(expected, axis=0))
    assert report.strict.weighted[:3] == pytest.approx(np.average(expected, axis=0, weights=supports))
    assert list(report.strict.labels) == list(LABELS)
    assert report.num_texts == 300


def matching_size(true, found):
    """Size of a largest matching of overlapping spans of the same label, by trying everything."""
    if not true:
        return 0
    first, rest = true[0], true[1:]
    best = matching_size(rest, found)
    for span in found:
        if span[2] == first[2] and span[0] < first[1] and first[0] < span[1]:
            best = max(best, 1 + matching_size(rest, [each for each in found if each != span]))
    return best


def test_relaxed_scores_are_those_of_a_largest_matching(spans):
    references, predictions = spans
    right = sum(matching_size(*pair) for pair in zip(references, predictions, strict=True))
    report = score_entities(*spans)
    strict = report.strict.micro
    assert report.relaxed.micro[:3] == pytest.approx(f1(right, strict.predicted, strict.support))
    assert report.relaxed.micro.f1 > strict.f1 + 0.05
    for label in LABELS:
        pairs = [[[span for span in side if span[2] == label] for side in pair] for pair in zip(*spans, strict=True)]
        right = sum(matching_size(*pair) for pair in pairs)
        support, found = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
        assert report.relaxed.labels[label] == pytest.approx((*f1(right, found, support), support, found))


@pytest.mark.parametrize(
    ("true", "found", "right"),
    [
        ([(0, 4, "a")], [(3, 9, "a")], 1),
        ([(0, 4, "a")], [(4, 9, "a")], 0),
        ([(0, 4, "a")], [(0, 4, "b")], 0),
        ([(0, 9, "a")], [(0, 2, "a"), (3, 5, "a")], 1),
        ([(0, 2, "a"), (3, 5, "a")], [(0, 9, "a")], 1),
        ([(0, 4, "a"), (4, 8, "a")], [(3, 6, "a"), (7, 8, "a")], 2),
    ],
)
def test_relaxed_by_hand(true, found, right):
    report = score_entities([true], [found])
    assert report.relaxed.micro.precision == right / len(found)
    assert report.relaxed.micro.recall == right / len(true)


def test_confusion():
    true = [Entity(0, 4, "a"), Entity(5, 9, "b"), Entity(10, 14, "a"), Entity(20, 22, "a"), Entity(30, 36, "b")]
    # Right, of another type, missed, half of it, two pieces of which the larger counts, and one made up.
    found = [(0, 4, "a"), (5, 9, "a"), (21, 22, "b"), (30, 32, "b"), (32, 36, "a"), (40, 41, "b")]
    report = score_entities([true, []], [found, [(0, 1, "a")]])
    assert report.names == ["a", "b", "no entity"]
    assert report.confusion.tolist() == [[1, 1, 1], [2, 0, 0], [1, 2, 0]]
    # An entity goes with its own span, even if a longer one overlaps it too.
    report = score_entities([[(0, 2, "a"), (2, 9, "b")]], [[(2, 9, "a")]])
    assert report.confusion.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_confusion_counts_everything_once(spans):
    report = score_entities(*spans)
    for number, score in enumerate(report.strict.labels.values()):
        assert report.confusion[number].sum() == score.support
        assert report.confusion[:, number].sum() == score.predicted


TAGS = ("O", "B-a", "I-a", "B-b", "I-b")


def random_tags(rng, legal):
    tags = []
    for _ in range(7):
        tag = rng.choice(TAGS)
        before = tags[-1] if tags else "O"
        tags.append("B" + tag[1:] if legal and tag[0] == "I" and before[1:] != tag[1:] else tag)
    return tags


def test_default_of_seqeval_is_conlleval_and_strict_differs_on_broken_tags_only():
    """The script counts an I- that continues nothing as a beginning; so does seqeval unless it is told to be strict."""
    rng = random.Random(2)
    for legal in (True, False):
        true = [random_tags(rng, True) for _ in range(200)]
        found = [random_tags(rng, legal) for _ in range(200)]
        report = score_tags(true, found)
        default = precision_recall_fscore_support(true, found, average="micro")
        strict = strict_scores(true, found, average="micro", scheme=IOB2)
        assert report.strict.micro[:3] == pytest.approx(default[:3])
        assert (default[:3] == pytest.approx(strict[:3])) == legal


def test_nothing_there_and_nothing_found():
    report = score_entities([[], []], [[], []])
    assert report.strict.labels == {}
    assert report.strict.micro == report.relaxed.macro == (0, 0, 0, 0, 0)
    assert report.confusion.tolist() == [[0]]
    report = score_entities([[(0, 1, "a")], []], [[], [(0, 1, "b")]])
    assert [score[:3] for score in report.strict.labels.values()] == [(0, 0, 0)] * 2
    with pytest.raises(UserError, match="predictions for 1 texts but references for 2"):
        score_entities([[], []], [[]])
    with pytest.raises(UserError, match="no texts"):
        score_entities([], [])
    with pytest.raises(UserError, match="text 2 has 1 tags but 2 predicted ones"):
        score_tags([["O"], ["O"]], [["O"], ["O", "O"]])


def test_report_as_table_and_as_json():
    report = score_entities([[(0, 4, "place [x]")], [(0, 2, "b")]], [[(0, 4, "place [x]"), (5, 6, "b")], [(1, 2, "b")]])
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(report.table("test"))
    lines = console.export_text().splitlines()
    assert lines[0].strip() == "test"
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert rows[0] == ["b", "0.00", "0.00", "0.00", "66.67", "1", "2"]
    assert rows[1] == ["place [x]", "100.00", "100.00", "100.00", "100.00", "1", "1"]
    assert rows[2] == ["micro", "33.33", "50.00", "40.00", "80.00", "2", "3"]
    assert [row[0] for row in rows[3:]] == ["macro", "weighted"]
    stored = json.loads(json.dumps(report.to_dict()))
    assert stored["strict"]["labels"]["b"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1, "predicted": 2}
    assert stored["relaxed"]["micro"]["f1"] == pytest.approx(0.8)
    assert stored["confusion"] == {
        "names": ["b", "place [x]", "no entity"],
        "counts": [[1, 0, 0], [0, 1, 0], [1, 0, 0]],
    }
