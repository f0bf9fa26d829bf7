"""Entities onto words and sub-words as BIO tags, and tags back onto characters.

Words are whatever a tokenizer or a file cuts a text into, given as arrays of starts and ends; they need not touch.
Words and entities count offsets in the same unit, all in characters or all in bytes
(`zoo.data.readers.entities.entities_in_bytes`).

A word belongs to the entity that covers most of it, provided that it covers at least half of it. An entity whose
boundary lies inside a word so grows or shrinks to a boundary of words: the smallest change, counted in an
`AlignmentReport`. The same rule brings predicted spans onto the tokens of a CoNLL file, where strict scores are due.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from zoo.data.readers.entities import Entity
from zoo.data.readers.tag_schemes import bio_tags, tags_to_spans

_EXAMPLES = 3


@dataclass
class AlignmentReport:
    """How well words fit the entities.

    Attributes:
        exact: Entities that begin and end where words do.
        moved: Entities that grew or shrank to a boundary of words.
        lost: Entities that cover no word by half, or only words that another entity covers more of.
        examples: Where the first moved and lost ones are and what they read, for messages.

    Example:
        >>> print(report)
        1,975 entities: 1,970 end where words end, 4 moved to the ends of words, 1 lost; such as train.conll:17 'Rome'
    """

    exact: int = 0
    moved: int = 0
    lost: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def total(self):
        """Number of entities seen."""
        return self.exact + self.moved + self.lost

    def __str__(self):
        text = f"{self.total:,} entities: {self.exact:,} end where words end"
        if self.moved:
            text += f", {self.moved:,} moved to the ends of words"
        if self.lost:
            text += f", {self.lost:,} lost"
        return text + (f"; such as {', '.join(self.examples)}" if self.examples else "")


def word_spans(starts, ends, entities):
    """The words that each entity covers.

    Args:
        starts, ends: Integers [W], where each word begins and ends; ascending, words do not overlap.
        entities: Iterable of (start, end, label), ascending, not overlapping, in the same unit.

    Returns:
        list as long as `entities` of (first, end, label), the index of the first word and of the one after the last,
        or None where an entity gets no word.
    """
    starts, ends = np.asarray(starts, np.int64), np.asarray(ends, np.int64)
    spans = []
    for start, end, label in entities:
        # Only the first and the last word that the entity touches can be covered in part.
        first, last = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left")) - 1
        if first <= last and not _covers(start, end, starts[first], ends[first]):
            first += 1
        if first <= last and not _covers(start, end, starts[last], ends[last]):
            last -= 1
        spans.append((first, last + 1, label) if first <= last else None)
    # Two entities may each cover half of a word; the first of them has it.
    taken = 0
    for number, span in enumerate(spans):
        if span is not None:
            first = max(span[0], taken)
            spans[number] = (first, span[1], span[2]) if first < span[1] else None
            taken = max(taken, span[1])
    return spans


def _covers(start, end, word_start, word_end):
    return 2 * (min(end, word_end) - max(start, word_start)) >= word_end - word_start


def word_tags(starts, ends, entities, report=None, text=None):
    """The BIO tags of words.

    Args:
        starts, ends, entities: As for `word_spans`.
        report: `AlignmentReport` to count in.
        text: The `EntityText` the entities are from, for the report's examples.

    Returns:
        list of W str.

    Example:
        >>> word_tags([0, 3, 7], [2, 7, 8], [Entity(3, 7, "place")])  # "In Rome."
        ['O', 'B-place', 'O']
    """
    entities = list(entities)
    spans = word_spans(starts, ends, entities)
    tags = ["O"] * len(starts)
    for number, (entity, span) in enumerate(zip(entities, spans, strict=True)):
        if span is not None:
            first, end, label = span
            tags[first:end] = [f"B-{label}"] + [f"I-{label}"] * (end - first - 1)
        if report is not None:
            _count(report, entity, span and (starts[span[0]], ends[span[1] - 1]), text, number)
    return tags


def _count(report, entity, bounds, text, number):
    if bounds is None:
        report.lost += 1
    elif tuple(bounds) == tuple(entity[:2]):
        report.exact += 1
        return
    else:
        report.moved += 1
    if text is not None and len(report.examples) < _EXAMPLES:
        original = text.entities[number]
        place = f"{text.source} " if text.source else ""
        report.examples.append(f"{place}{text.text[original.start : original.end]!r}")


class TokenLabels(NamedTuple):
    """What a token classifier learns from one text.

    Attributes:
        tag_ids: int32 [T]. 0 for tokens without a label.
        weights: float32 [T]. 1 for tokens with a label, 0 for the others: what their -100 is elsewhere.
    """

    tag_ids: np.ndarray
    weights: np.ndarray


SUBWORD_LABELS = ("first", "all")
"""Which sub-words of a word have a label: the first one only, or all of them, each with the tag of the word."""


def token_labels(word_ids, tag_ids, subwords="first"):
    """The labels of sub-word tokens.

    With "all", each token has the tag of its whole word, B- on every token of an entity's first word: the word's tag
    is then decided by all its tokens, whose scores are averaged, and not by a sequence of tags inside the word.

    Args:
        word_ids: Integers [T], the word each token belongs to, ascending; negative for special tokens.
        tag_ids: Integers [W], the tag of each word. Words beyond may be missing from `word_ids`.
        subwords: One of `SUBWORD_LABELS`.

    Returns:
        `TokenLabels`.

    Example:
        >>> token_labels([-1, 0, 1, 1, 2, -1], [0, 3, 0]).weights.tolist()
        [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    """
    if subwords not in SUBWORD_LABELS:
        raise ValueError(f"subwords must be one of {', '.join(SUBWORD_LABELS)}, not {subwords!r}")
    word_ids = np.asarray(word_ids, np.int64).reshape(-1)
    labelled = word_ids >= 0
    known = np.append(np.asarray(tag_ids, np.int32), np.int32(0))
    found = known[np.where(labelled, word_ids, -1)]
    if subwords == "first":
        labelled[1:] &= word_ids[1:] != word_ids[:-1]
    return TokenLabels(np.where(labelled, found, 0).astype(np.int32), labelled.astype(np.float32))


class TagIds:
    """The ids of a BIO tagger's tags: "O" is 0, then come B- and I- of each label.

    Args:
        labels: The labels, as `zoo.data.readers.entities.entity_labels` gives them.

    Attributes:
        labels: tuple of str.
        tags: tuple of str, in the order of their ids.
    """

    def __init__(self, labels):
        self.labels = tuple(labels)
        self.tags = bio_tags(self.labels)
        self._ids = {tag: number for number, tag in enumerate(self.tags)}

    def __call__(self, tags):
        """int32 [W] for a list of W tags."""
        return np.array([self._ids[tag] for tag in tags], np.int32)


def tags_to_entities(tags, starts, ends):
    """Entities from the tags of words; each reaches from the start of its first word to the end of its last.

    Args:
        tags: list of W BIO tags; sequences that break the scheme are read as conlleval does.
        starts, ends: Integers [W].

    Returns:
        list of `Entity` in the unit of `starts` and `ends`.
    """
    spans = tags_to_spans(list(tags), lenient=True)
    return [Entity(int(starts[first]), int(ends[end - 1]), label) for first, end, label in spans]


def tags_on_tokens(entities, tokens):
    """Brings entities, such as predicted ones, onto the tokens of a file, to be scored there.

    Args:
        entities: Iterable of `Entity` in characters, ascending.
        tokens: `EntityText.tokens`.

    Returns:
        list of BIO tags, one for each token.
    """
    return word_tags([start for start, _ in tokens], [end for _, end in tokens], entities)
