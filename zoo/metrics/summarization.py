"""ROUGE scores of summaries with confidence intervals.

Scores come from rouge-score, Google's implementation of ROUGE (Lin 2004). Other packages split words, stem and treat
several references in other ways, and differ by whole points: their scores never share a table with these.
"""

from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.metrics.bootstrap import RESAMPLES, interval, resampled_sums
from zoo.metrics.rouge_tokenizers import rouge_tokenizer
from zoo.metrics.text_language import TextLanguage, target_language

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


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


def rouge(
    hypotheses: Any, references: Any, *, stemmer: bool | None = None, language: Any = None
) -> dict[str, RougeScore]:
    """ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, F1.

    What counts as a word depends on the language. English texts are split by rouge-score itself, which knows the
    letters a to z; other languages at the word boundaries of Unicode (UAX 29); Chinese, Japanese, Thai, Lao, Khmer and
    Burmese into characters. ROUGE-Lsum takes each line of a text for a sentence; summaries of one line have the same
    ROUGE-L and ROUGE-Lsum.

    Args:
        hypotheses: list of N str, the summaries to score.
        references: list of N str, or of N lists of str where a text has several references.
        stemmer: Whether English suffixes are taken off words (Porter's stemmer), as papers do; None for English alone.
        language: Language of the texts, a code such as "de" or "zho_Hans", or a `TextLanguage`. None to go by the
            script of the references.

    Returns:
        dict from name to `RougeScore`.

    Raises:
        UserError: For an empty list, lists of different lengths, a summary without a reference, an unknown language or
            one in whose script the references are not written, and a stemmer for another language than English.

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
    if not isinstance(language, TextLanguage):
        language = target_language(language, [text for each in lists for text in each])
    if stemmer is None:
        stemmer = language.code == "en"
    elif stemmer and language.code != "en":
        raise UserError(f"Porter's stemmer is for English, and the target language is {language.tag}")
    tokenizer, tokenizer_signature = rouge_tokenizer(language, stemmer)
    # Imported here because it imports NLTK, which takes a while.
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE_TYPES), tokenizer=tokenizer)
    found = [scorer.score_multi(each, text) for text, each in zip(hypotheses, lists, strict=True)]
    counts = sorted({len(each) for each in lists})
    numbers = str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    signature = (
        f"package:rouge-score-{metadata.version('rouge-score')}|tok:{tokenizer_signature}|"
        f"stemmer:{'yes' if stemmer else 'no'}|nrefs:{numbers}|multi:max|bootstrap:{RESAMPLES}"
    )
    return {name: _mean(name, [scores[name] for scores in found], signature) for name in ROUGE_TYPES}


def _mean(name, scores, signature):
    precision, recall, f1 = 100 * np.array(scores).T
    low, high = interval(resampled_sums(f1) / len(f1))
    return RougeScore(name, float(f1.mean()), low, high, float(precision.mean()), float(recall.mean()), signature)
