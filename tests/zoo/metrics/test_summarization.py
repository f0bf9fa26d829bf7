"""The package computes ROUGE; here it is held against the definition, and so are means, references and intervals."""

from collections import Counter

import numpy as np
import pytest

from zoo.errors import UserError
from zoo.metrics import rouge

HYPOTHESES = ["the cat sat on the mat", "a dog", "", "one two three four", "mat the on sat cat the"]
REFERENCES = ["a cat was on the mat", "the dogs ran", "something", "one two three four", "the cat sat on the mat"]


def f1(hits, hypothesis, reference):
    if not hits:
        return 0.0
    precision, recall = hits / hypothesis, hits / reference
    return 2 * precision * recall / (precision + recall)


def by_ngrams(hypothesis, reference, n):
    one, other = (
        Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (hypothesis.split(), reference.split())
    )
    return f1((one & other).total(), one.total(), other.total())


def by_subsequence(hypothesis, reference):
    one, other = hypothesis.split(), reference.split()
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
    return f1(table[-1, -1], len(one), len(other))


def test_scores_follow_the_definitions():
    found = rouge(HYPOTHESES, REFERENCES, stemmer=False)
    expected = {
        "rouge1": [by_ngrams(h, r, 1) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)],
        "rouge2": [by_ngrams(h, r, 2) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)],
        "rougeL": [by_subsequence(h, r) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)],
    }
    for name, values in expected.items():
        assert found[name].value == pytest.approx(100 * np.mean(values))
    assert found["rougeLsum"].value == pytest.approx(found["rougeL"].value)


def test_the_best_of_several_references_counts():
    several = [[r, "nothing in common"] for r in REFERENCES]
    one, best = rouge(HYPOTHESES, REFERENCES), rouge(HYPOTHESES, several)
    assert one["rouge2"].value == best["rouge2"].value
    assert "nrefs:1|" in one["rouge2"].signature and "nrefs:2|" in best["rouge2"].signature
    assert rouge(["x y"], [["x", "x y"]])["rouge1"].value == 100


def test_stemming_is_an_option():
    assert rouge(["dogs"], ["dog"])["rouge1"].value == 100
    assert rouge(["dogs"], ["dog"], stemmer=False)["rouge1"].value == 0
    assert "stemmer:no" in rouge(["dogs"], ["dog"], stemmer=False)["rouge1"].signature


def test_intervals_hold_the_mean_and_shrink_with_more_texts():
    few = rouge(HYPOTHESES, REFERENCES)["rouge1"]
    many = rouge(HYPOTHESES * 50, REFERENCES * 50)["rouge1"]
    assert few.low < few.value < few.high and few == rouge(HYPOTHESES, REFERENCES)["rouge1"]
    # The interval of a mean of normal values.
    f1s = 100 * np.array([by_ngrams(h, r, 1) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)])
    plain = rouge(HYPOTHESES * 50, REFERENCES * 50, stemmer=False)["rouge1"]
    assert plain.high - plain.low == pytest.approx(2 * 1.96 * f1s.std() / np.sqrt(250), rel=0.1)
    assert many.high - many.low < 0.3 * (few.high - few.low)


def test_what_cannot_be_scored():
    with pytest.raises(UserError, match="no summaries"):
        rouge([], [])
    with pytest.raises(UserError, match="2 summaries but 1 references"):
        rouge(["a", "b"], ["a"])
    with pytest.raises(UserError, match="summary 2 has no reference"):
        rouge(["a", "b"], [["a"], []])
