"""Translation scores, each with the signature that says how it was computed.

Scores come from sacrebleu (Post 2018, "A Call for Clarity in Reporting BLEU Scores"). Scores with different
signatures must not be compared: `lowercase_tokenized_bleu` exists to compare with papers that report it, and is
usually some points above or below `bleu` on the same text.
"""

import re
from dataclasses import dataclass

from sacrebleu.metrics import BLEU, CHRF

from zoo.errors import UserError


@dataclass(frozen=True)
class Score:
    """One metric's value on a set of sentences.

    Attributes:
        name: Name of the metric, such as "BLEU".
        value: Between 0 and 100; higher is better.
        signature: How it was computed, in sacrebleu's notation.

    Example:
        >>> print(bleu(["a b c d"], ["a b c d"]))
        BLEU 100.00 (nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0)
    """

    name: str
    value: float
    signature: str

    def __str__(self):
        return f"{self.name} {self.value:.2f} ({self.signature})"


def bleu(hypotheses, references, lowercase=False):
    """BLEU on plain (detokenized) text, the sacreBLEU default that new results should report.

    Args:
        hypotheses: list of N str.
        references: list of N str, or a list of such lists when there are several references a sentence.
        lowercase: Whether the case of letters is ignored, for models that write lowercase alone.

    Returns:
        `Score`.

    Raises:
        UserError: For an empty list or lists of different lengths.
    """
    return _score(BLEU(lowercase=lowercase), "BLEU", hypotheses, _reference_lists(hypotheses, references))


def chrf(hypotheses, references, lowercase=False):
    """chrF2, the F-score of character 6-grams (Popović 2015). Arguments as for `bleu`."""
    return _score(CHRF(lowercase=lowercase), "chrF2", hypotheses, _reference_lists(hypotheses, references))


def lowercase_tokenized_bleu(hypotheses, references, language):
    """BLEU of lowercased, Moses-tokenized text without smoothing, as papers on Multi30k report it.

    Hypotheses and references are prepared alike, with the steps of Multi30k's own `task1-tokenize.sh`: lowercase,
    `normalize-punctuation.perl -l <language>`, `tokenizer.perl -l <language>`, here as sacremoses ports them. What
    follows is the BLEU of `multi-bleu.perl` and `fairseq-score`: 4-grams, no smoothing (0 when no 4-gram matches).

    Args:
        hypotheses: list of N str of plain text, neither tokenized nor lowercased.
        references: As for `bleu`, plain text too.
        language: ISO 639-1 code of the text, such as "de".

    Returns:
        `Score`.

    Raises:
        UserError: As `bleu`, for something other than a language code, and when sacremoses is not installed.
    """
    references = _reference_lists(hypotheses, references)
    prepare, version = _moses_preparation(language)
    # force: sacrebleu warns of tokenized text, which is meant here.
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    score = _score(
        metric,
        "BLEU, lowercased, Moses-tokenized",
        prepare(hypotheses),
        [prepare(reference) for reference in references],
    )
    signature = score.signature.replace("case:mixed", "case:lc").replace(
        "tok:none", f"norm:moses-{language}|tok:moses-{language}-sacremoses-{version}"
    )
    return Score(score.name, score.value, signature)


def _score(metric, name, hypotheses, references):
    value = metric.corpus_score(list(hypotheses), references).score
    return Score(name, value, metric.get_signature().format())


def _reference_lists(hypotheses, references):
    """Returns references as a list of lists, each as long as the hypotheses."""
    if isinstance(hypotheses, str) or isinstance(references, str):
        raise TypeError("hypotheses and references must be lists of str")
    if not hypotheses:
        raise UserError("there are no hypotheses to score")
    lists = [list(references)] if references and isinstance(references[0], str) else [list(each) for each in references]
    if not lists:
        raise UserError("there are no references to score against")
    for number, each in enumerate(lists, 1):
        if len(each) != len(hypotheses):
            which = f"reference list {number}" if len(lists) > 1 else "the reference list"
            raise UserError(
                f"there are {len(hypotheses):,} hypotheses but {which} has {len(each):,}: "
                "each hypothesis needs the reference of the same index"
            )
    return lists


def _moses_preparation(language):
    """Returns a function from a list of plain texts to lowercased, tokenized ones, and sacremoses' version."""
    if not re.fullmatch("[a-z]{2,3}", language):
        raise UserError(f"language {language!r} is not a language code; give two or three letters, such as de")
    try:
        import sacremoses
    except ImportError as error:
        raise UserError("lowercased, tokenized BLEU needs the package sacremoses; pip install sacremoses") from error

    normalizer = sacremoses.MosesPunctNormalizer(language, perl_parity=True)
    tokenizer = sacremoses.MosesTokenizer(language)

    def prepare(texts):
        # The Perl script reads lines with their ends, and one of its rules (a quotation mark after a full stop, in
        # German, Spanish and French) wants a character there: without "\n" some tokens come in another order.
        return [tokenizer.tokenize(normalizer.normalize(text.lower() + "\n"), return_str=True) for text in texts]

    return prepare, sacremoses.__version__
