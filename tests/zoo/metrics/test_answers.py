"""Scores of answers, with values counted by the rules of SQuAD's own program."""

import pytest

from zoo.errors import UserError
from zoo.metrics import score_answers


@pytest.mark.parametrize(
    ("right", "answer", "exact", "f1"),
    [
        (["Warsaw"], "warsaw.", 1.0, 1.0),
        (["the Rhine"], "Rhine", 1.0, 1.0),
        (["the Rhine"], "Rhine river", 0.0, 2 / 3),
        (["a b c", "d e"], "e d f", 0.0, 0.8),
        (["in in Rome"], "in Rome", 0.0, 0.8),
        (["Köln"], "Koln", 0.0, 0.0),
        (["it's"], "its", 1.0, 1.0),
        ([], "", 1.0, 1.0),
        ([], "something", 0.0, 0.0),
        (["the"], "", 1.0, 1.0),
        (["something"], "", 0.0, 0.0),
    ],
)
def test_one_question(right, answer, exact, f1):
    scores = score_answers([right], [answer])
    assert (scores.exact_match, scores.f1) == pytest.approx((exact, f1))


def test_many_questions():
    scores = score_answers([["a card"], [], ["two words"], []], ["card", "", "two", "x"])
    assert (scores.count, scores.exact_match) == (4, 0.5) and scores.f1 == pytest.approx((1 + 1 + 2 / 3 + 0) / 4)
    assert (scores.answerable.count, scores.answerable.exact_match) == (2, 0.5)
    assert (scores.unanswerable.f1, scores.unanswerable.exact_match) == (0.5, 0.5)
    assert score_answers([["b"]], ["b"]).unanswerable is None
    for references, predictions in (([], []), ([["a"]], [])):
        with pytest.raises(UserError, match="there are"):
            score_answers(references, predictions)


@pytest.mark.parametrize(
    ("right", "answer", "exact", "f1"),
    [
        (["村雨城"], "任天堂游戏谜之村雨城", 0.0, 6 / 13),
        (["任天堂游戏谜之村雨城", "村雨城"], "《村雨城》。", 1.0, 1.0),
        (["光荣和ω-force"], "光荣和Ω-Force", 1.0, 1.0),
        (["1990年3月"], "1990年", 0.0, 2 * 2 / (4 + 2)),
        (["北京和上海"], "上海和北京", 0.0, 2 * 2 / 10),
        (["iPhone 4 和 iPad"], "iphone 4", 0.0, 2 * 2 / (4 + 2)),
        (["很好"], "", 0.0, 0.0),
        ([], "", 1.0, 1.0),
    ],
)
def test_one_question_of_cmrc(right, answer, exact, f1):
    """Values counted by hand by the rules of its program: runs in common, of characters and of words between them."""
    scores = score_answers([right], [answer], "cmrc")
    assert (scores.exact_match, scores.f1) == pytest.approx((exact, f1))


def test_another_scoring():
    with pytest.raises(UserError, match="scoring must be one of squad, cmrc, got 'f1'"):
        score_answers([["a"]], ["a"], "f1")
