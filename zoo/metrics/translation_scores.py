"""The scores of translations, all in one language."""

from zoo.metrics import bleu, chrf, lowercase_tokenized_bleu
from zoo.metrics.bleu_tokenizers import bleu_tokenizer
from zoo.metrics.translation import moses_code


class TranslationScores:
    """BLEU and chrF, and BLEU as papers on Multi30k report it where the language is known and Moses has it.

    Args:
        language: `zoo.metrics.TextLanguage` of the targets.
        lowercase: Whether the case of letters is ignored.
        tokenizer: BLEU tokenizer, or None for that of the language.

    Attributes:
        remark: What the user should know about the tokenizer of the language, or "".
    """

    def __init__(self, language, lowercase, tokenizer=None):
        self.language, self.lowercase = language, lowercase
        self.tokenizer, self.remark = (tokenizer, "") if tokenizer else bleu_tokenizer(language)

    def while_training(self, hypotheses, references):
        """What validation reports: a dict of floats."""
        return {
            "bleu": self._bleu(hypotheses, references).value,
            "chrf": chrf(hypotheses, references, self.lowercase).value,
        }

    def of(self, hypotheses, references, *, intervals=False):
        """A dict from name to `zoo.metrics.Score`, with confidence intervals if asked for."""
        scores = {
            "bleu": self._bleu(hypotheses, references, intervals=intervals),
            "chrf": chrf(hypotheses, references, self.lowercase, intervals=intervals),
        }
        # A guess from the letters is not enough to choose the abbreviations of a language by.
        if not self.language.guessed and moses_code(self.language):
            scores["lowercase_tokenized_bleu"] = lowercase_tokenized_bleu(
                hypotheses, references, self.language, intervals=intervals
            )
        return scores

    def _bleu(self, hypotheses, references, **options):
        return bleu(hypotheses, references, self.lowercase, tokenizer=self.tokenizer, **options)
