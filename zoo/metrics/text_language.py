"""The language of a text as far as scores need it: from its code, or else from the script it is written in."""

import functools
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import langcodes
import regex
from langcodes.tag_parser import LanguageTagError

from zoo.errors import UserError

# Scripts (ISO 15924) that put no blank between words, but for Chinese, Japanese and Korean; a score needs another unit
# than the word for them. Tibetan parts syllables, not words.
_CHARACTER_SCRIPTS = {
    "Thai": "th",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my",
    "Tibt": "bo",
    "Lana": "nod",
    "Tale": "tdd",
    "Talu": "khb",
    "Tavt": "blt",
    "Java": "jv",
    "Bali": "ban",
}
_CHINESE_SCRIPTS = ("Hans", "Hant", "Hani", "Hanb", "Bopo")
_JAPANESE_SCRIPTS = ("Jpan", "Hrkt", "Hira", "Kana")
_KOREAN_SCRIPTS = ("Kore", "Hang")
_OTHER_SCRIPTS = (
    *("Latn", "Cyrl", "Grek", "Arab", "Hebr", "Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym"),
    *("Sinh", "Geor", "Armn", "Ethi", "Thaa", "Mong", "Syrc", "Cher", "Cans", "Tfng", "Olck", "Mtei", "Nkoo", "Adlm"),
)
_SCRIPTS = (*_CHARACTER_SCRIPTS, "Hani", "Bopo", "Hira", "Kana", "Hang", *_OTHER_SCRIPTS)

# Names and numbers in Latin letters are common in other scripts, and a sentence takes fewer characters in most scripts
# without blanks: they count as the script of a text from this share of its letters on.
_SHARE_WITHOUT_BLANKS = 0.2
_SHARE_OF_KANA = 0.05
# Of German, French, Spanish, Polish or Vietnamese letters one in a hundred and more is beyond ASCII.
_SHARE_BEYOND_ASCII_IN_ENGLISH = 0.005
_MOST_CHARACTERS_READ = 2_000_000


@dataclass(frozen=True)
class TextLanguage:
    """A language, or only the script where no more is known.

    Attributes:
        tag: BCP 47, such as "zh", "de-AT" or, for an unknown language, "und-Cyrl".
        script: ISO 15924, such as "Hans", "Jpan" or "Latn"; None if it is not known.
        guessed: Whether it was found out from the text.
    """

    tag: str
    script: str | None
    guessed: bool = False

    @property
    def code(self) -> str:
        """ISO 639 code of the language alone, such as "de"; "und" where it is not known."""
        return self.tag.partition("-")[0]

    @property
    def family(self) -> str:
        """How words are told apart: "chinese", "japanese", "korean", "characters", or else "blanks"."""
        if self.script in _CHARACTER_SCRIPTS:
            return "characters"
        scripts = {"chinese": _CHINESE_SCRIPTS, "japanese": _JAPANESE_SCRIPTS, "korean": _KOREAN_SCRIPTS}
        return next((family for family, each in scripts.items() if self.script in each), "blanks")

    @property
    def has_blanks(self) -> bool:
        """Whether blanks stand between words."""
        return self.family in ("blanks", "korean")

    def __str__(self):
        if not self.guessed:
            return f"target language {self.tag}"
        what = f"unknown, in the script {self.script}" if self.code == "und" else self.tag
        return f"target language {what} (by the letters of the references; --target-language names another)"


def language_from_code(code):
    """The language of a code.

    Args:
        code: As programs and data sets write it: "zh", "zh-CN", "zh_Hans", "zho", "zho_Hans", "ja_XX", "en_US".

    Returns:
        `TextLanguage`; the script is the usual one unless the code has one.

    Raises:
        UserError: There is no such language.
    """
    try:
        # Some programs write XX for "any country", which is none.
        language = langcodes.Language.get(re.sub("[-_]XX$", "", code.strip()))
    except (LanguageTagError, ValueError):
        language = None
    if language is None or not language.is_valid() or language.language in (None, "und", "mul", "zxx", "mis"):
        raise UserError(
            f"there is no language {code!r}; give an ISO 639 code with or without script or country, such as de, "
            "zh, zh-TW or jpn_Jpan"
        )
    return TextLanguage(language.simplify_script().to_tag(), language.maximize().script)


def guess_language(texts):
    """The language of texts, as far as the script of their letters says it.

    Args:
        texts: Iterable of str.

    Returns:
        `TextLanguage`: "zh", "ja" (Chinese characters with kana), "ko", "th" and the like; "en" for Latin letters
        without accents; else an unknown language in the script that most letters have, "und-Latn".
    """
    return _guess(_script_counts(texts), _SHARE_WITHOUT_BLANKS)


def target_language(code: str, texts: Any) -> TextLanguage:
    """The language that texts are scored by.

    Args:
        code: As `language_from_code` takes it, or None to go by the script of the texts.
        texts: list of str, the references.

    Returns:
        `TextLanguage`.

    Raises:
        UserError: There is no such language, or most letters of the texts are in a script that it cannot be scored in.
    """
    if code is None:
        return guess_language(texts)
    given = language_from_code(code)
    found = _guess(_script_counts(texts), 0.5)
    fits = found.has_blanks or given.family in (found.family, "characters")
    # Japanese without kana is a matter of style; Chinese with kana is not Chinese.
    if not fits and (given.family, found.family) != ("japanese", "chinese"):
        raise UserError(
            f"the references are written as {found.tag} is, and cannot be scored by words of {given.tag}; "
            f"give --target-language {found.tag}, or leave it out"
        )
    return given


def _script_counts(texts):
    """Number of letters by script; letters of ASCII count as "ASCII" too."""
    characters, read = Counter(), 0
    for text in texts:
        characters.update(text)
        read += len(text)
        if read > _MOST_CHARACTERS_READ:
            break
    counts = Counter()
    for character, count in characters.items():
        if character.isalpha():
            counts[_script(character)] += count
            counts["ASCII"] += count * character.isascii()
    return counts


@functools.cache
def _script_pattern():
    return regex.compile("|".join(rf"(?P<{script}>\p{{sc={script}}})" for script in _SCRIPTS))


@functools.cache
def _script(character):
    found = _script_pattern().match(character)
    return found.lastgroup if found else "Zyyy"


def _guess(counts, share_without_blanks):
    ascii_letters = counts.pop("ASCII", 0)
    total = counts.total()
    kana = counts["Hira"] + counts["Kana"]
    shares = {script: counts[script] for script in _CHARACTER_SCRIPTS}
    shares["Hani"] = counts["Hani"] + counts["Bopo"] + kana
    script = max(shares, key=shares.__getitem__)
    if total and shares[script] > share_without_blanks * total and shares[script] > counts["Hang"]:
        if script in _CHARACTER_SCRIPTS:
            return TextLanguage(_CHARACTER_SCRIPTS[script], script, guessed=True)
        if kana > _SHARE_OF_KANA * shares["Hani"]:
            return TextLanguage("ja", "Jpan", guessed=True)
        return TextLanguage("zh", "Hans", guessed=True)
    script = max(counts, key=counts.get, default="Zyyy")
    if script == "Hang":
        return TextLanguage("ko", "Kore", guessed=True)
    if script == "Latn" and counts["Latn"] - ascii_letters <= _SHARE_BEYOND_ASCII_IN_ENGLISH * counts["Latn"]:
        return TextLanguage("en", "Latn", guessed=True)
    return TextLanguage(f"und-{script}", script, guessed=True)
