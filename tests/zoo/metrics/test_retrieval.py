"""Nearest documents beside brute force; scores beside scikit-learn and sentence-transformers."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score

from zoo.metrics import retrieval
from zoo.metrics.retrieval import nearest, retrieval_scores

RNG = np.random.default_rng(1)
QUERIES = RNG.normal(size=(23, 6)).astype("float32")
DOCUMENTS = RNG.normal(size=(140, 6)).astype("float32")
RELEVANCE = [
    {int(n): float(RNG.integers(1, 4)) for n in RNG.choice(140, RNG.integers(1, 15), replace=False)} for _ in QUERIES
]


def test_nearest_are_those_of_brute_force(monkeypatch):
    monkeypatch.setattr(retrieval, "_CELLS", 700)
    # Equal ones, also at the end of what is asked for.
    documents = np.round(DOCUMENTS, 0)
    queries = np.round(QUERIES, 0)
    expected = np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :20]
    for form in (np.asarray, sparse.csr_matrix):
        np.testing.assert_array_equal(nearest(form(queries), form(documents), 20), expected)
    assert nearest(QUERIES, DOCUMENTS[:3], 20).shape == (23, 3)


def test_graded_ndcg_is_that_of_scikit_learn():
    grades = np.array([[row.get(n, 0.0) for n in range(140)] for row in RELEVANCE])
    found = retrieval_scores(nearest(QUERIES, DOCUMENTS, 100), RELEVANCE)
    assert found["ndcg_at_10"] == pytest.approx(ndcg_score(grades, QUERIES @ DOCUMENTS.T, k=10))


def test_scores_are_those_of_sentence_transformers():
    evaluation = pytest.importorskip("sentence_transformers.sentence_transformer.evaluation")
    evaluator = evaluation.InformationRetrievalEvaluator(
        {str(n): str(n) for n in range(23)},
        {str(n): str(n) for n in range(140)},
        {str(n): {str(d) for d in row} for n, row in enumerate(RELEVANCE)},
        accuracy_at_k=[1],
        precision_recall_at_k=[1, 10, 100],
    )
    ranked = nearest(QUERIES, DOCUMENTS, 100)
    scores = QUERIES @ DOCUMENTS.T
    results = [
        [{"corpus_id": str(d), "score": float(scores[n, d])} for d in row.tolist()] for n, row in enumerate(ranked)
    ]
    expected = evaluator.compute_metrics(results)
    found = retrieval_scores(ranked, [dict.fromkeys(row, 1.0) for row in RELEVANCE])
    assert found["ndcg_at_10"] == pytest.approx(expected["ndcg@k"][10])
    assert found["mrr_at_10"] == pytest.approx(expected["mrr@k"][10])
    for count in (1, 10, 100):
        assert found[f"recall_at_{count}"] == pytest.approx(expected["recall@k"][count])
