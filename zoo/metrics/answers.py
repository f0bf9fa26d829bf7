"""Scores of answers to questions by the rules of SQuAD and of CMRC: exact match and F1."""

import re
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from zoo.errors import UserError

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
# Of CMRC's program, which leaves out no others.
_CMRC_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_CHINESE = re.compile("[\u4e00-\u9fa5]")

SCORINGS = ("squad", "cmrc")


@dataclass(frozen=True)
class AnswerScores:
    """Scores of a set of questions, between 0 and 1.

    Attributes:
        count: Number of questions.
        exact_match: Share of questions whose answer is one of the right ones.
        f1: Mean F1 over words, with the right answer that is nearest.
        answerable, unanswerable: The same of the questions with an answer, and of those without; None if there are
            none.
    """

    count: int
    exact_match: float
    f1: float
    answerable: "AnswerScores | None" = None
    unanswerable: "AnswerScores | None" = None


def score_answers(
    references: Iterable[Iterable[str]], predictions: Iterable[str], scoring: str = "squad"
) -> AnswerScores:
    """Compares answers with the right ones, as the programs of SQuAD 2.0 and CMRC 2018 do.

    By the rules of SQuAD case, punctuation of ASCII, the articles a, an and the, and blanks do not count, and F1 is of
    the words that blanks part, in any order: in languages without blanks that of whole answers. By those of CMRC, for
    Chinese, case and its list of punctuation do not count, and F1 is of the longest run that both have in common, of
    Chinese characters and of words of other scripts. Those are as the tokenizer of the Penn Treebank parts them;
    CMRC's program first looks for sentences among them.

    Args:
        references: For each question the texts of its right answers, none if it has no answer.
        predictions: For each question an answer, "" for none.
        scoring: One of `SCORINGS`.

    Returns:
        `AnswerScores`.

    Raises:
        UserError: There are no questions, or not as many predictions as references, or another scoring.

    Source: Rajpurkar et al. 2018, https://arxiv.org/abs/1806.03822; Cui et al. 2019, https://arxiv.org/abs/1810.07366.

    Example:
        >>> score_answers([["the Rhine"], []], ["Rhine river", ""]).f1
        0.8333333333333333
    """
    references, predictions = list(references), list(predictions)
    if len(references) != len(predictions):
        raise UserError(f"there are {len(predictions)} predictions but {len(references)} references")
    if not references:
        raise UserError("there are no questions to score")
    if scoring not in SCORINGS:
        raise UserError(f"scoring must be one of {', '.join(SCORINGS)}, got {scoring!r}")
    normal, parts_of, overlap = (_words, list, _same_words) if scoring == "squad" else (_bare, _segments, _longest_run)
    rows = []
    for right, answer in zip(references, predictions, strict=True):
        right = [text for text in map(normal, right) if text] or [normal("")]
        found = normal(answer)
        found_parts = parts_of(found)
        f1 = max(_f1(parts_of(text), found_parts, overlap) for text in right)
        rows.append((bool(right[0]), max(found == text for text in right), f1))
    parts = [_mean([row for row in rows if row[0] is answerable]) for answerable in (True, False)]
    whole = _mean(rows)
    return AnswerScores(whole.count, whole.exact_match, whole.f1, *parts)


def _mean(rows):
    if not rows:
        return None
    exact, f1 = (sum(row[place] for row in rows) / len(rows) for place in (1, 2))
    return AnswerScores(len(rows), exact, f1)


def _words(text):
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _same_words(right, found):
    return sum((Counter(right) & Counter(found)).values())


def _bare(text):
    return "".join(character for character in text.lower().strip() if character not in _CMRC_PUNCTUATION)


def _segments(text):
    """Chinese characters, and the words between them."""
    # Slow to import, and only of use here.
    from nltk.tokenize import NLTKWordTokenizer

    tokenizer, found, start = NLTKWordTokenizer(), [], 0
    for match in _CHINESE.finditer(text):
        found += [*tokenizer.tokenize(text[start : match.start()]), match.group()]
        start = match.end()
    return found + tokenizer.tokenize(text[start:])


def _longest_run(right, found):
    """Length of the longest run of parts that both have."""
    longest, before = 0, [0] * (len(found) + 1)
    for part in right:
        row = [0] * (len(found) + 1)
        for place, other in enumerate(found):
            if part == other:
                row[place + 1] = before[place] + 1
        longest, before = max(longest, *row), row
    return longest


def _f1(right, found, overlap):
    if not right or not found:
        return float(right == found)
    return 2 * overlap(right, found) / (len(right) + len(found))
