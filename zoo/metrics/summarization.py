"""ROUGE scores of summaries with confidence intervals.

Scores come from rouge-score, Google's implementation of ROUGE (Lin 2004). Other packages split words, stem and treat
several references in other ways, and differ by whole points: their scores never share a table with these.
"""

from dataclasses import dataclass
from importlib import metadata

import numpy as np
from rouge_score import rouge_scorer

from zoo.errors import UserError

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
_RESAMPLES = 1000
_CONFIDENCE = 0.95
_SEED = 0


@dataclass(frozen=True)
class RougeScore:
    """One ROUGE score on a set of summaries, all between 0 and 100.

    Attributes:
        name: "rouge1", "rouge2", "rougeL" or "rougeLsum".
        value: Mean F1; with several references the best one of each summary counts.
        low, high: 95% confidence interval of the mean, by bootstrap over the summaries.
        precision, recall: Means of those that belong to the F1.
        signature: How it was computed.
    """

    name: str
    value: float
    low: float
    high: float
    precision: float
    recall: float
    signature: str

    def __str__(self):
        return f"{self.name} {self.value:.2f} [{self.low:.2f}, {self.high:.2f}] ({self.signature})"


def rouge(hypotheses, references, *, stemmer=True):
    """ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, F1.

    ROUGE-Lsum takes each line of a text for a sentence; summaries of one line have the same ROUGE-L and ROUGE-Lsum.

    Args:
        hypotheses: list of N str, the summaries to score.
        references: list of N str, or of N lists of str where a text has several references.
        stemmer: Whether English suffixes are taken off words (Porter's stemmer), as papers do.

    Returns:
        dict from name to `RougeScore`.

    Raises:
        UserError: For an empty list, lists of different lengths, or a summary without a reference.

    Example:
        >>> print(rouge(["a cat sat"], ["the cat sat"])["rouge1"].value)
        66.66666666666667
    """
    if not hypotheses:
        raise UserError("there are no summaries to score")
    if len(hypotheses) != len(references):
        raise UserError(f"{len(hypotheses)} summaries but {len(references)} references: each needs its own")
    lists = [[each] if isinstance(each, str) else list(each) for each in references]
    if not all(lists):
        raise UserError(f"summary {next(i for i, each in enumerate(lists) if not each) + 1} has no reference")
    scorer = rouge_scorer.RougeScorer(list(ROUGE_TYPES), use_stemmer=stemmer)
    found = [scorer.score_multi(each, text) for text, each in zip(hypotheses, lists, strict=True)]
    counts = sorted({len(each) for each in lists})
    numbers = str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    signature = (
        f"package:rouge-score-{metadata.version('rouge-score')}|stemmer:{'yes' if stemmer else 'no'}|nrefs:{numbers}|"
        f"multi:max|bootstrap:{_RESAMPLES}"
    )
    return {name: _mean(name, [scores[name] for scores in found], signature) for name in ROUGE_TYPES}


def _mean(name, scores, signature):
    precision, recall, f1 = 100 * np.array(scores).T
    rng = np.random.default_rng(_SEED)
    means = f1[rng.integers(len(f1), size=(_RESAMPLES, len(f1)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return RougeScore(
        name, float(f1.mean()), float(low), float(high), float(precision.mean()), float(recall.mean()), signature
    )
