"""Scores of classes against counting."""

import io
import json

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from zoo.errors import UserError
from zoo.metrics import score_classes
from zoo.metrics.label_scores import score_table, scores_from_counts


def counted(true, found):
    right, predicted, support = int((true & found).sum()), int(found.sum()), int(true.sum())
    precision, recall = right / predicted if predicted else 0, right / support if support else 0
    return precision, recall, 2 * right / (predicted + support) if predicted + support else 0, support, predicted


def test_one_label_a_text():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 200)
    found = np.where(rng.random(200) < 0.6, true, rng.integers(0, 5, 200))  # label 4 never occurs, 5 is never found
    labels = ["w", "x", "y", "z", "never", "not even predicted"]
    report = score_classes(true, found, labels)
    assert report.accuracy == pytest.approx(np.mean(true == found))
    expected = [counted(true == number, found == number) for number in range(6)]
    for label, each in zip(labels, expected, strict=True):
        assert report.scores.labels[label] == pytest.approx(each)
    assert report.scores.micro[:3] == pytest.approx([report.accuracy] * 3)
    assert report.scores.macro[:3] == pytest.approx(np.mean(expected, axis=0)[:3])
    weights = [each[3] for each in expected]
    assert report.scores.weighted[:3] == pytest.approx(np.average(expected, axis=0, weights=weights)[:3])
    assert report.scores.micro[3:] == (200, 200)
    pairs = [[int(np.sum((true == row) & (found == column))) for column in range(6)] for row in range(6)]
    assert report.confusion.tolist() == pairs
    confused = report.most_confused(3)
    mistakes = sorted((pairs[row][column] for row in range(6) for column in range(6) if row != column), reverse=True)
    assert [count for _, _, count in confused] == mistakes[:3]
    assert all(pairs[labels.index(row)][labels.index(column)] == count for row, column, count in confused)


def test_any_number_of_labels():
    rng = np.random.default_rng(1)
    true = rng.random((100, 3)) < 0.4
    found = true ^ (rng.random((100, 3)) < 0.2)
    report = score_classes(true, found, ["x", "y", "z"])
    assert report.accuracy == pytest.approx(np.mean((true == found).all(axis=1)))
    for number, label in enumerate("xyz"):
        assert report.scores.labels[label] == pytest.approx(counted(true[:, number], found[:, number]))
    assert report.scores.micro == pytest.approx(counted(true, found))
    assert report.confusion is None
    assert report.most_confused() == []
    assert "confusion" not in report.to_dict()


def test_report_as_json():
    report = score_classes([0, 1, 1], [0, 1, 0], ["no", "yes"])
    stored = json.loads(json.dumps(report.to_dict()))
    assert stored["accuracy"] == pytest.approx(2 / 3)
    assert stored["labels"]["yes"] == {
        "precision": 1,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
        "predicted": 1,
    }
    assert stored["confusion"] == {"names": ["no", "yes"], "counts": [[1, 0], [1, 1]]}
    assert report.table().row_count == 5
    assert report.table().title.plain == "3 texts, accuracy 66.67%"


def test_mistakes():
    with pytest.raises(UserError, match="no texts"):
        score_classes([], [], ["x"])
    with pytest.raises(UserError, match=r"predictions of shape \(1,\) but references of shape \(2,\)"):
        score_classes([0, 0], [0], ["x"])


@pytest.mark.parametrize("relaxed", [False, True])
def test_long_names_are_folded_into_80_columns(relaxed):
    names = ["balance_not_updated_after_cheque_or_cash_deposit", "带有很长的中文标签名称的实体类型和更多的文字"]
    scores = scores_from_counts({name: (1234, 12345, 12345) for name in names})
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(score_table("test: 12,345 texts", scores, scores if relaxed else None))
    lines = console.file.getvalue().splitlines()
    assert max(map(cell_len, lines)) == 80 and "…" not in console.file.getvalue()
    column = "".join(line.split("│")[1].strip() for line in lines if line.startswith("│"))
    assert all(name in column for name in names)
    assert all(name in console.file.getvalue() for name in ("precision", "predicted", "12,345"))
