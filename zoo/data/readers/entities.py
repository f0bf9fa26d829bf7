"""Texts with named entities: what every reader yields, and the checks and offset conversions that all of them need."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from zoo.data.readers.labels import check_look_alikes
from zoo.errors import UserError

OFFSET_UNITS = ("characters", "bytes", "utf16")
"""What offsets may count: Unicode code points, bytes of UTF-8, or UTF-16 units as JavaScript and Java count them."""


class Entity(NamedTuple):
    """A labelled stretch of a text.

    Attributes:
        start, end: Offsets of the first character and of the one after the last. Characters are Unicode code points,
            as in Python, unless a function says that it wants other units.
        label: The entity's type, such as "person".
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class EntityText:
    """A text and its entities.

    Attributes:
        text: The text.
        entities: In the order of their offsets, none empty, none overlapping another.
        tokens: (start, end) character offsets of the tokens of the file the text comes from, for scoring on those
            tokens; None where the file has no tokens.
        source: "file:line" of the text's first line, for messages.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    tokens: tuple[tuple[int, int], ...] | None = None
    source: str = field(default="", compare=False)


def checked_entities(text, entities, where):
    """Sorts entities and refuses those that cannot be.

    Args:
        text: str.
        entities: Iterable of `Entity`, in characters.
        where: Beginning of the messages, such as "train.jsonl:7".

    Returns:
        tuple of `Entity`, in the order of their offsets.

    Raises:
        UserError: An entity lies outside the text, covers no character, has no label or overlaps another.
    """
    entities = sorted(entities)
    previous = None
    for entity in entities:
        named = f"the entity {entity.start} to {entity.end} ({entity.label!r})"
        if not entity.label.strip():
            raise UserError(f"{where}: {named} has no label; give it one or remove it")
        if entity.start >= entity.end:
            raise UserError(f"{where}: {named} covers no characters; end must be greater than start")
        if entity.start < 0 or entity.end > len(text):
            raise UserError(
                f"{where}: {named} lies outside the text, which has {len(text):,} characters; "
                "do the offsets count something else, such as bytes?"
            )
        if previous is not None and entity.start < previous.end:
            raise UserError(
                f"{where}: {named} overlaps {previous.start} to {previous.end} ({previous.label!r}); "
                "each character can belong to one entity only"
            )
        previous = entity
    return tuple(entities)


def entity_labels(texts):
    """The labels of a training set.

    Args:
        texts: Iterable of `EntityText`.

    Returns:
        tuple of str, sorted.

    Raises:
        UserError: There is no text, or no entity in any: nothing can be learnt from one class.
    """
    labels, count, first = set(), 0, ""
    for text in texts:
        count += 1
        first = first or text.source
        labels.update(entity.label for entity in text.entities)
    if not labels:
        where = f"{first.rpartition(':')[0]}: " if first else ""
        raise UserError(
            f"{where}none of the {count:,} texts has an entity, so that there is nothing to learn; "
            "is the column or field of the labels right?"
        )
    check_look_alikes(labels, f"{first.rpartition(':')[0]}: " if first else "")
    return tuple(sorted(labels))


def check_entity_labels(texts, labels):
    """Refuses entities whose label a model does not have.

    Args:
        texts: Iterable of `EntityText`, such as a validation or test set.
        labels: The labels of the training set.

    Returns:
        `collections.Counter` of the entities by label.

    Raises:
        UserError: naming file and line of the first text with another label.
    """
    counts = Counter()
    for text in texts:
        for entity in text.entities:
            if entity.label not in labels:
                covered = text.text[entity.start : entity.end]
                where = f"{text.source}: " if text.source else ""
                raise UserError(
                    f"{where}the label {entity.label!r} of {covered!r} does not occur in the training data, which has "
                    f"{', '.join(sorted(labels))}; rename or remove it, or train with texts that have it"
                )
            counts[entity.label] += 1
    return counts


def unit_offsets(text, unit):
    """Where each character of a text begins, counted in another unit.

    Args:
        text: str of n characters.
        unit: One of `OFFSET_UNITS`.

    Returns:
        int64 [n + 1]: entry i is the offset of character i, the last one the length of the text.
    """
    if unit == "characters" or text.isascii():
        return np.arange(len(text) + 1)
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    if unit == "utf16":
        sizes = 1 + (points >= 0x10000)
    elif unit == "bytes":
        sizes = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    else:
        raise ValueError(f"unit must be one of {', '.join(OFFSET_UNITS)}, not {unit!r}")
    return np.concatenate([[0], np.cumsum(sizes)])


def entities_in_bytes(text, entities):
    """Entities with offsets in bytes of the UTF-8 text, as tokenizers give them, instead of characters."""
    offsets = unit_offsets(text, "bytes")
    return [Entity(int(offsets[start]), int(offsets[end]), label) for start, end, label in entities]
