"""What ROUGE counts: words by Unicode's rules, or characters where words are not written apart.

rouge-score's own tokenizer knows the letters a to z alone: to it, Russian and Chinese texts are empty, and "für" is the
two words "f" and "r". It stays what English is scored by, so that scores compare with those of papers.
"""

import functools
import unicodedata
from importlib import metadata

import regex

# Segments between boundaries that hold a letter or a digit are words; blanks and punctuation are not.
_WORD = regex.compile(r"[\p{L}\p{N}]")
_CHARACTERS = "".join(
    rf"\p{{scx={script}}}"
    for script in (
        *("Hani", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Lana", "Tale", "Talu", "Tavt"),
        *("Java", "Bali"),
    )
)
_PIECE = regex.compile(rf"[{_CHARACTERS}]|[^{_CHARACTERS}]+")


class UnicodeTokenizer:
    """Splits texts at the default word boundaries of Unicode (UAX 29), as the package regex finds them.

    Texts are lowercased and composed (NFC). What holds neither letter nor digit does not count.

    Args:
        characters: Whether each character of a script without blanks between words (Chinese characters, kana, Thai,
            Lao, Khmer, Burmese and the like) counts alone. UAX 29 finds no words there, and leaves that to
            dictionaries. Words in other scripts and numbers stay whole.

    Example:
        >>> UnicodeTokenizer().tokenize("Für 3,50 € nach Köln!")
        ['für', '3,50', 'nach', 'köln']
        >>> UnicodeTokenizer(characters=True).tokenize("新しいiPhone。")
        ['新', 'し', 'い', 'iphone']
    """

    def __init__(self, characters=False):
        self.characters = characters

    @property
    def signature(self):
        """Name and version."""
        return f"{'characters' if self.characters else 'words'}-uax29-regex-{metadata.version('regex')}"

    def tokenize(self, text):
        """Returns the tokens of a text, a list of str."""
        text = unicodedata.normalize("NFC", text.lower())
        words = [word for word in _boundary().split(text) if _WORD.search(word)]
        if not self.characters:
            return words
        return [piece for word in words for piece in _PIECE.findall(word)]


def rouge_tokenizer(language, stemmer):
    """The tokenizer that the ROUGE of a language is computed with, to be handed to rouge-score.

    Args:
        language: `zoo.metrics.text_language.TextLanguage`.
        stemmer: Whether English suffixes are taken off, for English alone.

    Returns:
        (tokenizer with a method `tokenize`, its signature).
    """
    if language.code == "en":
        from rouge_score.tokenizers import DefaultTokenizer

        return DefaultTokenizer(stemmer), f"rouge-score-{metadata.version('rouge-score')}"
    tokenizer = UnicodeTokenizer(characters=language.family in ("chinese", "japanese", "characters"))
    return tokenizer, tokenizer.signature


@functools.cache
def _boundary():
    return regex.compile(r"\b", regex.WORD)
