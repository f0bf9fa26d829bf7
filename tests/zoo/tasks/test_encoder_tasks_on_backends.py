"""One preset, three backends: the same entities, labels and candidates."""

import pytest

SCORES = ("score", "scores")


def without_scores(answer):
    """An answer and, apart from it, its numbers that rounding may touch."""
    if isinstance(answer, list):
        parts = [without_scores(part) for part in answer]
        return [part for part, _ in parts], [number for _, numbers in parts for number in numbers]
    if isinstance(answer, dict):
        numbers = [number for name in SCORES if name in answer for number in _flat(answer[name])]
        rest = {name: without_scores(value) for name, value in answer.items() if name not in SCORES}
        return {name: part for name, (part, _) in rest.items()}, numbers + [
            n for _, more in rest.values() for n in more
        ]
    return answer, []


def _flat(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("task", ["recognizer", "classifier", "quantized_classifier", "masked_language_model"])
def test_other_backends_give_the_same_answers(on_backend, backend, task):
    expected, expected_scores = without_scores(on_backend("tensorflow")["encoder answers"][task])
    found, scores = without_scores(on_backend(backend)["encoder answers"][task])
    assert found == expected
    assert len(scores) > 10 and scores == pytest.approx(expected_scores, abs=1e-4)
