"""What BERT's tokenizer makes of each code point, as arrays small enough for constants of a graph."""

import functools
import unicodedata
from typing import NamedTuple

import numpy as np

from zoo.tokenizers.wordpiece.bert_characters import (
    BLANKS,
    CJK,
    DECOMPOSED_BEYOND_BMP,
    DELETED,
    LATER_CAPITALS,
    ORDERED_MARKS,
    PUNCTUATION,
    STRIPPED,
    parse_ranges,
)

# Kinds of characters. All from DROPPED on need the longer way through the graph.
BLANK = 0  # ends a word
LETTER = 1  # part of a word
SINGLE = 2  # a word of its own: punctuation, and ideographs if they are split
DROPPED = 3  # leaves no trace
DROPPED_STARTER = 4  # the same, but marks do not change places across it
EXPANDED = 5  # becomes several characters: a row of `expansions`
MARK = 6  # a letter that canonical ordering may move

# Syllables that NFD takes apart by a rule.
HANGUL = range(0xAC00, 0xD7A4)

_PAGE = 256
_NUM_CODE_POINTS = 0x110000
_CODE_MASK = 0x1FFFFF


class CharacterTable(NamedTuple):
    """Constants of the graph.

    The entry of code point c is `pages[page_of[c >> 8], c & 255]`; its low three bits are the kind. The rest, plus c,
    modulo 2^21, is the code point that c becomes; for kind EXPANDED it is a row of `expansions`.

    Attributes:
        page_of: int32 [4352].
        pages: int32 [number of different pages, 256].
        expansions: int32 [rows, width], entries `code << 3 | kind`, filled up with DROPPED.
        marks: int32 [number of MARK code points], ascending.
        mark_classes: int32 [the same], their canonical combining classes.
    """

    page_of: np.ndarray
    pages: np.ndarray
    expansions: np.ndarray
    marks: np.ndarray
    mark_classes: np.ndarray


@functools.cache
def character_table(lowercase: bool, strip_accents: bool, split_cjk: bool) -> CharacterTable:
    """Builds the table of a combination of options; see `WordPieceTokenizer`."""
    kinds, codes, expansions = _kinds_and_codes(lowercase, strip_accents, split_cjk)
    entries = ((codes - np.arange(_NUM_CODE_POINTS)) & _CODE_MASK) << 3 | kinds
    pages, page_of, known = [], [], {}
    for page in entries.astype(np.int32).reshape(-1, _PAGE):
        content = page.tobytes()
        if content not in known:
            known[content] = len(pages)
            pages.append(page)
        page_of.append(known[content])
    classes = sorted((mark, order) for order, marks in ORDERED_MARKS.items() for mark in parse_ranges(marks))
    marks, mark_classes = np.array(classes, np.int32).T
    return CharacterTable(np.array(page_of, np.int32), np.stack(pages), expansions, marks, mark_classes)


def _kinds_and_codes(lowercase, strip_accents, split_cjk):
    kinds, codes = _kinds(strip_accents), np.arange(_NUM_CODE_POINTS)
    # Far quicker to read one by one than an array, and not changed below.
    kind_of = kinds.astype(np.uint8).tobytes()
    lower = _lower_case() if lowercase else {}
    expansions = []
    changed = {code_point: chr(code_point) for code_point in lower}
    if strip_accents:
        changed |= _decompositions(kind_of)
    for code_point, text in changed.items():
        if kind_of[code_point] in (BLANK, DROPPED, DROPPED_STARTER):
            continue
        kept = [part for part in map(ord, text) if kind_of[part] not in (DROPPED, DROPPED_STARTER)]
        lowered = [(kind_of[part], out) for part in kept for out in lower.get(part, (part,))]
        # What came out of lowercasing is not stripped, whatever it is.
        if len(lowered) == 1:
            kinds[code_point], codes[code_point] = lowered[0]
        else:
            kinds[code_point], codes[code_point] = EXPANDED, len(expansions)
            expansions.append([out << 3 | kind for kind, out in lowered])
    rows = np.full((len(expansions) + 1, 3), DROPPED)
    for row, expansion in zip(rows, expansions, strict=False):
        row[: len(expansion)] = expansion
    if strip_accents:
        kinds[HANGUL], codes[HANGUL] = EXPANDED, len(rows) + np.arange(len(HANGUL))
        rows = np.concatenate([rows, _hangul_letters()])
    if split_cjk:
        # Blanks are put around an ideograph before all else, and none becomes more than one character.
        kinds[parse_ranges(CJK)] = SINGLE
    return kinds, codes, rows.astype(np.int32)


def _kinds(strip_accents):
    kinds = np.full(_NUM_CODE_POINTS, LETTER)
    kinds[parse_ranges(PUNCTUATION)] = SINGLE
    if strip_accents:
        for marks in ORDERED_MARKS.values():
            kinds[parse_ranges(marks)] = MARK
        for mark in parse_ranges(STRIPPED):
            starter = unicodedata.combining(unicodedata.normalize("NFD", chr(mark))[0]) == 0
            kinds[mark] = DROPPED_STARTER if starter else DROPPED
    kinds[parse_ranges(BLANKS)] = BLANK
    kinds[parse_ranges(DELETED)] = DROPPED
    return kinds


def _lower_case():
    """Code points of lower case by code point, where there is a change; one by one, so a final sigma stays a sigma."""
    lower = {}
    for code_point in range(0x20000):
        text = chr(code_point)
        if text.lower() != text:
            lower[code_point] = tuple(map(ord, text.lower()))
    for step, capitals in LATER_CAPITALS.items():
        lower |= {capital: (capital + step,) for capital in parse_ranges(capitals)}
    return lower


def _hangul_letters():
    """Rows of `expansions` for the syllables of HANGUL: two or three letters each (Unicode, section 3.12)."""
    index = np.arange(len(HANGUL))
    first, vowel, last = index // 588, index % 588 // 28, index % 28
    letters = np.stack([0x1100 + first, 0x1161 + vowel, 0x11A7 + last], 1) << 3 | LETTER
    letters[last == 0, 2] = DROPPED
    return letters


def _decompositions(kind_of):
    """Texts by code point but for HANGUL, where NFD changes it and it is not dropped anyway."""
    decomposed = {}
    for code_point in [*range(HANGUL.start), *range(HANGUL.stop, 0x10000), *parse_ranges(DECOMPOSED_BEYOND_BMP)]:
        text = chr(code_point)
        decomposition = unicodedata.normalize("NFD", text)
        if decomposition != text and kind_of[code_point] not in (DROPPED, DROPPED_STARTER):
            decomposed[code_point] = decomposition
    return decomposed
