"""Alignment against counting characters, one at a time."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.batches.label_alignment import (
    AlignmentReport,
    TagIds,
    tags_on_tokens,
    tags_to_entities,
    token_labels,
    word_spans,
    word_tags,
)
from zoo.data.readers.entities import Entity, EntityText, entities_in_bytes


def words(text):
    """Starts and ends of words and punctuation marks."""
    found = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
    return [start for start, _ in found], [end for _, end in found]


@st.composite
def words_and_entities(draw):
    def intervals(label):
        cuts = sorted(draw(st.sets(st.integers(0, 24), max_size=12)))
        return [(start, end, label) for start, end in itertools.pairwise(cuts) if draw(st.booleans())]

    return intervals("w"), [Entity(start, end, str(number)) for number, (start, end, _) in enumerate(intervals("e"))]


@settings(max_examples=300, deadline=None)
@given(words_and_entities())
def test_every_word_goes_to_the_entity_with_most_of_it(case):
    words, entities = case
    owners = []
    for start, end, _ in words:
        shares = [len(set(range(start, end)) & set(range(entity.start, entity.end))) for entity in entities]
        best = int(np.argmax(shares)) if shares else 0
        owners.append(entities[best].label if shares and 2 * shares[best] >= end - start else None)
    starts, ends = [start for start, _, _ in words], [end for _, end, _ in words]
    tags = word_tags(starts, ends, entities)
    assert [None if tag == "O" else tag[2:] for tag in tags] == owners
    # Every label occurs once here, so that its first word, and no other, has B-.
    assert [tag[0] for tag in tags if tag != "O"] == [
        "B" if label not in owners[:position] else "I" for position, label in enumerate(owners) if label is not None
    ]
    spans = word_spans(starts, ends, entities)
    assert [span is None for span in spans] == [entity.label not in owners for entity in entities]
    # There and back: an entity that no boundary moved comes back as it was.
    exact = [e for e, s in zip(entities, spans, strict=True) if s and (starts[s[0]], ends[s[1] - 1]) == e[:2]]
    assert set(exact) <= set(tags_to_entities(tags, starts, ends))


def test_report_counts_what_happened():
    text = EntityText(
        "In Rome, riverbanks at Lake-side .",
        (Entity(3, 7, "place"), Entity(9, 14, "x"), Entity(14, 20, "y"), Entity(21, 22, "z"), Entity(22, 27, "place")),
        source="f:3",
    )
    report = AlignmentReport()
    starts, ends = words(text.text)
    tags = word_tags(starts, ends, text.entities, report, text)
    assert tags == ["O", "B-place", "O", "B-x", "B-z", "B-place", "O", "O", "O"]
    assert (report.exact, report.moved, report.lost, report.total) == (1, 3, 1, 5)
    assert str(report) == (
        "5 entities: 1 end where words end, 3 moved to the ends of words, 1 lost; "
        "such as f:3 'river', f:3 'banks ', f:3 't'"
    )


def test_words_in_bytes():
    text = "Zoë sah 🎈 in 東京"
    entities = entities_in_bytes(text, [Entity(0, 3, "person"), Entity(13, 15, "place")])
    data = text.encode()
    starts = [0, 5, 9, 14, 17, 20]
    ends = [4, 8, 13, 16, 20, 23]
    assert [data[a:b].decode() for a, b in zip(starts, ends, strict=True)] == ["Zoë", "sah", "🎈", "in", "東", "京"]
    tags = word_tags(starts, ends, entities)
    assert tags == ["B-person", "O", "O", "O", "B-place", "I-place"]
    assert tags_to_entities(tags, starts, ends) == entities


def test_sub_words():
    word_ids, tag_ids = [-1, 0, 1, 1, 1, 2, -1], [4, 3, 2, 7]
    first = token_labels(word_ids, tag_ids)
    assert first.tag_ids.tolist() == [0, 4, 3, 0, 0, 2, 0]
    assert first.weights.tolist() == [0, 1, 1, 0, 0, 1, 0]
    everything = token_labels(word_ids, tag_ids, "all")
    assert everything.tag_ids.tolist() == [0, 4, 3, 3, 3, 2, 0]
    assert everything.weights.tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert first.tag_ids.dtype == np.int32
    assert first.weights.dtype == np.float32
    nothing = token_labels([], [])
    assert nothing.tag_ids.shape == nothing.weights.shape == (0,)
    assert token_labels([-1, -1], []).weights.tolist() == [0, 0]
    with pytest.raises(ValueError, match="must be one of first, all"):
        token_labels([], [], "last")


def test_tag_ids():
    tag_ids = TagIds(("a", "b"))
    assert tag_ids.tags == ("O", "B-a", "I-a", "B-b", "I-b")
    assert tag_ids(["I-b", "O"]).tolist() == [4, 0]
    assert tag_ids([]).dtype == np.int32


def test_predictions_on_the_tokens_of_a_file():
    tokens = ((0, 7), (8, 13), (14, 15))  # "Trump's tower ."
    assert tags_on_tokens([Entity(0, 5, "person")], tokens) == ["B-person", "O", "O"]
    assert tags_on_tokens([Entity(5, 13, "place")], tokens) == ["O", "B-place", "O"]
    assert tags_on_tokens([], ()) == []
