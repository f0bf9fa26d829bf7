"""Translation scores, each with the signature that says how it was computed.

Scores come from sacrebleu (Post 2018, "A Call for Clarity in Reporting BLEU Scores"). Scores with different
signatures must not be compared: `lowercase_tokenized_bleu` exists to compare with papers that report it, and is
usually some points above or below `bleu` on the same text.
"""

from dataclasses import dataclass
from typing import Any

from zoo.errors import UserError
from zoo.metrics.bleu_tokenizers import bleu_tokenizer, make_bleu
from zoo.metrics.text_language import TextLanguage, language_from_code, target_language

_RESAMPLES = 1000
_LONGEST_NGRAM = 4


@dataclass(frozen=True)
class Score:
    """One metric's value on a set of sentences.

    Attributes:
        name: Name of the metric, such as "BLEU".
        value: Between 0 and 100; higher is better.
        signature: How it was computed, in sacrebleu's notation.
        low, high: 95% confidence interval by sacrebleu's bootstrap over the sentences; None if not asked for.

    Example:
        >>> print(bleu(["a b c d"], ["a b c d"]))
        BLEU 100.00 (nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0)
    """

    name: str
    value: float
    signature: str
    low: float | None = None
    high: float | None = None

    def __str__(self):
        return f"{self.name} {self.value:.2f} ({self.signature})"


def bleu(
    hypotheses: Any,
    references: Any,
    lowercase: bool = False,
    *,
    language: Any = None,
    tokenizer: Any = None,
    intervals: bool = False,
) -> Score:
    """BLEU on plain (detokenized) text, as new results should report it.

    Words are what sacrebleu's tokenizer for the language makes them: "zh" for Chinese, "ja-mecab" and "ko-mecab" where
    MeCab is installed and "char" where it is not, "char" for Thai, Lao, Khmer and Burmese, "13a" for all others.

    Where no reference has four tokens, there is no 4-gram to find, and the usual BLEU of the references themselves
    would be 0: then only the orders that occur count, which the signature calls "eff:yes".

    Args:
        hypotheses: list of N str.
        references: list of N str, or a list of such lists when there are several references a sentence.
        lowercase: Whether the case of letters is ignored, for models that write lowercase alone.
        language: Language of the text, a code such as "zh" or "zho_Hans", or a `TextLanguage`. None to go by the
            script of the references.
        tokenizer: A name of `zoo.metrics.bleu_tokenizers.BleuTokenizer`, such as "flores200"; None for that of the
            language.
        intervals: Whether to compute the confidence interval.

    Returns:
        `Score`.

    Raises:
        UserError: For an empty list or lists of different lengths, an unknown language or one in whose script the
            references are not written, and a tokenizer that cannot be had.
    """
    references = _reference_lists(hypotheses, references)
    if tokenizer is None:
        tokenizer, _ = bleu_tokenizer(_language(language, references))
    metric = make_bleu(tokenizer, lowercase=lowercase)
    metric.effective_order = _without_4grams(metric, references)
    return _score(metric, "BLEU", hypotheses, references, intervals)


def chrf(hypotheses: Any, references: Any, lowercase: bool = False, *, intervals: bool = False) -> Score:
    """chrF2, the F-score of character 6-grams (Popović 2015), in any language. Arguments as for `bleu`."""
    from sacrebleu.metrics.chrf import CHRF

    return _score(CHRF(lowercase=lowercase), "chrF2", hypotheses, _reference_lists(hypotheses, references), intervals)


def moses_code(language):
    """The code by which Moses' tokenizer knows a language; None if it has no rules for it.

    Moses has a list of abbreviations for Chinese and Cantonese, but leaves their words together.

    Args:
        language: `TextLanguage`.
    """
    from sacremoses.corpus import NonbreakingPrefixes

    known = language.family == "blanks" and language.code in NonbreakingPrefixes().available_langs.values()
    return language.code if known else None


def lowercase_tokenized_bleu(hypotheses: Any, references: Any, language: Any, *, intervals: bool = False) -> Score:
    """BLEU of lowercased, Moses-tokenized text without smoothing, as papers on Multi30k report it.

    Hypotheses and references are prepared alike, with the steps of Multi30k's own `task1-tokenize.sh`: lowercase,
    `normalize-punctuation.perl -l <language>`, `tokenizer.perl -l <language>`, here as sacremoses ports them. What
    follows is the BLEU of `multi-bleu.perl` and `fairseq-score`: 4-grams, no smoothing (0 when no 4-gram matches).

    Args:
        hypotheses: list of N str of plain text, neither tokenized nor lowercased.
        references: As for `bleu`, plain text too.
        language: Code of the language of the text, such as "de", or a `TextLanguage`.
        intervals: Whether to compute the confidence interval.

    Returns:
        `Score`.

    Raises:
        UserError: As `bleu`, for a language that Moses' tokenizer has no rules for, and when sacremoses is not
            installed.
    """
    references = _reference_lists(hypotheses, references)
    prepare, version, code = _moses_preparation(language)
    prepared = [prepare(reference) for reference in references]
    # force: sacrebleu warns of tokenized text, which is meant here.
    metric = make_bleu("none", smooth_method="none", force=True)
    metric.effective_order = _without_4grams(metric, prepared)
    score = _score(metric, "BLEU, lowercased, Moses-tokenized", prepare(hypotheses), prepared, intervals)
    signature = score.signature.replace("case:mixed", "case:lc").replace(
        "tok:none", f"norm:moses-{code}|tok:moses-{code}-sacremoses-{version}"
    )
    return Score(score.name, score.value, signature, score.low, score.high)


def _language(language, references):
    if isinstance(language, TextLanguage):
        return language
    return target_language(language, [text for each in references for text in each])


def _without_4grams(metric, references):
    """Whether no reference has four tokens, by the tokenizer of a metric."""
    tokenized = (metric.tokenizer(text.rstrip()) for each in references for text in each)
    return all(len(tokens.split()) < _LONGEST_NGRAM for tokens in tokenized)


def _score(metric, name, hypotheses, references, intervals):
    found = metric.corpus_score(list(hypotheses), references, n_bootstrap=_RESAMPLES if intervals else 1)
    score = Score(name, found.score, metric.get_signature().format())
    if not intervals:
        return score
    # Of identical texts sacrebleu's mean is 100 and a rounding error.
    low, high = (float(min(max(found._mean + sign * found._ci, 0.0), 100.0)) for sign in (-1, 1))
    return Score(name, score.value, score.signature, low, high)


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
    """Returns a function from a list of plain texts to lowercased, tokenized ones, sacremoses' version and the code."""
    try:
        import sacremoses
    except ImportError as error:
        raise UserError("lowercased, tokenized BLEU needs the package sacremoses; pip install sacremoses") from error

    language = language if isinstance(language, TextLanguage) else language_from_code(language)
    code = moses_code(language)
    if code is None:
        raise UserError(
            f"Moses' tokenizer has no rules for {language.tag}, so that there is no lowercased, Moses-tokenized BLEU; "
            "BLEU and chrF are valid there"
        )
    normalizer = sacremoses.MosesPunctNormalizer(code, perl_parity=True)
    tokenizer = sacremoses.MosesTokenizer(code)

    def prepare(texts):
        # The Perl script reads lines with their ends, and one of its rules (a quotation mark after a full stop, in
        # German, Spanish and French) wants a character there: without "\n" some tokens come in another order.
        return [tokenizer.tokenize(normalizer.normalize(text.lower() + "\n"), return_str=True) for text in texts]

    return prepare, sacremoses.__version__, code
