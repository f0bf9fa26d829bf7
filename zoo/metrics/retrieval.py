"""Scores of search: nearest documents of each query, and how well they answer it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

# Similarities that are held at a time.
_CELLS = 4_000_000
CUTOFF = 10
"""Documents that nDCG and MRR look at."""
RECALLS = (1, 10, 100)
"""Documents that recall looks at."""


def nearest(queries: Any, documents: Any, count: int) -> np.ndarray:
    """The documents with the highest products for each query, the best first; of equal ones the first in the corpus.

    Args:
        queries: Matrix [Q, E] of numpy or scipy.sparse.
        documents: Likewise [N, E].
        count: Documents of a query, or N if that is less.

    Returns:
        int [Q, count].
    """
    count = min(count, documents.shape[0])
    found = [np.zeros((0, count), np.int64)]
    for block in _similarities(queries, documents):
        # As many as there may be ties at the end, so that of those the first are taken.
        least = np.partition(block, -count, axis=1)[:, -count, None]
        for row, enough in zip(block, block >= least, strict=True):
            places = np.flatnonzero(enough)
            found.append(places[np.argsort(-row[places], kind="stable")][None, :count])
    return np.concatenate(found)


def _similarities(queries, documents) -> Iterator[np.ndarray]:
    rows = max(1, _CELLS // documents.shape[0])
    for start in range(0, queries.shape[0], rows):
        block = queries[start : start + rows] @ documents.T
        yield block.toarray() if hasattr(block, "toarray") else np.asarray(block)


def retrieval_scores(ranked: np.ndarray, relevance: Sequence[dict[int, float]]) -> dict[str, float]:
    """Mean scores of ranked documents.

    Args:
        ranked: int [Q, C], numbers of documents, the best first; 100 should be there, or all.
        relevance: For each query a dict from the number of each relevant document to its grade, above 0.

    Returns:
        dict of `ndcg_at_10` (gains are grades), `mrr_at_10` and `recall_at_1`, `_10` and `_100`, floats from 0 to 1.

    Source: Jaervelin and Kekaelaeinen 2002, https://doi.org/10.1145/582415.582418 (nDCG).
    """
    discounts = 1.0 / np.log2(np.arange(CUTOFF) + 2)
    scores: dict[str, list[float]] = {"ndcg_at_10": [], "mrr_at_10": [], **{f"recall_at_{n}": [] for n in RECALLS}}
    for row, grades in zip(ranked.tolist(), relevance, strict=True):
        gains = np.array([grades.get(document, 0.0) for document in row])
        ideal = np.sort(list(grades.values()))[::-1][:CUTOFF]
        top = gains[:CUTOFF]
        scores["ndcg_at_10"].append(float(top @ discounts[: len(top)] / (ideal @ discounts[: len(ideal)])))
        hits = np.flatnonzero(top)
        scores["mrr_at_10"].append(1.0 / (hits[0] + 1) if len(hits) else 0.0)
        for count in RECALLS:
            scores[f"recall_at_{count}"].append(np.count_nonzero(gains[:count]) / len(grades))
    return {name: float(np.mean(values)) for name, values in scores.items()}
