"""Which differences rounding has made: those where Python itself gives both answers."""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf

from export.parity_report import SCORE_TOLERANCE
from export.served_form import COUNT

# Real differences come in large numbers, and each look takes a request or two.
_MOST_REFUTED = 10
_BEAMS = 4


class Rounding:
    """Tells differences that rounding makes from real ones.

    Rounding depends on the shape of a batch. Now and then it decides between two results that are equally good to the
    last digits; then one of them is served and the other is Python's. That is so if Python gives what was served too:
    for the row alone, as one of its best answers with the same score, or in another order of equal scores. All else is
    a real difference, however small.

    Args:
        task: the `zoo.tasks.task.Task` that Python's answers come from.
        in_form: from a `ParityRequest` to one with Python's answer as it must be served.
        tolerance: largest difference of numbers, as a share of those above 1.
    """

    def __init__(self, task, in_form, tolerance=SCORE_TOLERANCE):
        self._task = task
        self._in_form = in_form
        self._tolerance = tolerance
        self._refuted = 0

    def _same(self, one, other):
        return same_result(one, other, self._tolerance)

    def explains(self, request, row, served, expected):
        """Whether a row of an answer differs from Python's by rounding.

        Args:
            request: `ParityRequest`.
            row: int.
            served, expected: the row's values by output name, lists and scalars.
        """
        if self._refuted >= _MOST_REFUTED or request.ask is None:
            return False
        looks = (self._in_another_order, self._alone, self._among_the_best)
        found = any(look(request, row, served, expected) for look in looks)
        self._refuted += not found
        return found

    def of_call(self, request, row, result):
        """Whether a result of `task(texts)` differs from the one in a request's batch by rounding."""
        if self._refuted >= _MOST_REFUTED:
            return False
        (alone,) = self._task.unpack(_ask(request, row))
        (called,) = self._task(*([text] for text in request.row_texts(row)))
        found = self._same(called, alone)
        self._refuted += not found
        return found

    def _in_another_order(self, request, row, served, expected):
        """Labels of equal scores may change places; what is no list must be the same, or be the first of one."""
        lists = [name for name, value in expected.items() if isinstance(value, list)]
        if not lists or any(isinstance(each, list) for name in lists for each in expected[name]):
            return False
        one, other = (list(zip(*(values[name] for name in lists), strict=False)) for values in (served, expected))
        sorted_one, sorted_other = (sorted(places, key=_strings) for places in (one, other))
        firsts = {value for value in (*one[:1], *other[:1]) for value in value if isinstance(value, bytes)}
        return (
            all({served[name], expected[name]} <= firsts for name in _differing(served, expected, lists, self._same))
            and self._same(*([*map(_numbers, places)] for places in (one, other)))
            and self._same(*([*map(_strings, places)] for places in (sorted_one, sorted_other)))
            and self._same(*([*map(_numbers, places)] for places in (sorted_one, sorted_other)))
        )

    def _alone(self, request, row, served, expected):
        asked = self._in_form(replace(request, inputs=request.row(row), expected=_ask(request, row)))
        alone = {name: value.tolist()[0] for name, value in asked.expected.items()}
        # Rows are as long as the longest of their batch.
        cut = dict.fromkeys(self._task.signatures[request.signature].ragged_outputs, alone.get(COUNT))
        one, other = (
            {name: value[: cut[name]] if name in cut else value for name, value in values.items()}
            for values in (served, alone)
        )
        return self._same(one, other)

    def _among_the_best(self, request, row, served, expected):
        if not hasattr(self._task, "n_best") or request.signature in self._task.further_signatures:
            return False
        beams = getattr(self._task.settings, "num_beams", 1)
        beams = beams if beams > 1 else _BEAMS
        given = {name: value.tolist()[0] for name, value in request.row(row).items()}
        texts = [given.pop(name) for name in request.texts]
        for answer in self._task.n_best(*texts, n=beams, num_beams=beams, **given):
            answer = {
                name: value.encode() if isinstance(value, str) else value for name, value in answer._asdict().items()
            }
            if self._same({name: served.get(name) for name in answer}, answer):
                return True
        return False


def same_result(one, other, tolerance=SCORE_TOLERANCE, rounded=False):
    """Whether results of a task are the same, numbers within the tolerance, integers of arrays if `rounded` by 1."""
    same = functools.partial(same_result, tolerance=tolerance, rounded=rounded)
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in other)
    if rounded and isinstance(other, np.ndarray) and np.issubdtype(other.dtype, np.integer):
        return one.shape == other.shape and bool((np.abs(one.astype(np.int64) - other) <= 1).all())
    if isinstance(other, np.ndarray):
        return same(np.asarray(one).tolist(), other.tolist())
    if isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(other, float):
        return abs(one - other) <= tolerance * max(1.0, abs(other))
    return one == other


def _ask(request, row):
    """Python's answer to a row alone, numpy arrays by output name."""
    tensors = {
        name: tf.constant(value.tolist(), tf.string if value.dtype == object else value.dtype)
        for name, value in request.row(row).items()
    }
    return {name: value.numpy() for name, value in request.ask(**tensors).items()}


def _differing(one, other, but, same):
    return [name for name in other if name not in but and not same(one[name], other[name])]


def _strings(place):
    return tuple(value for value in place if isinstance(value, bytes))


def _numbers(place):
    return [value for value in place if not isinstance(value, bytes)]
