import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.readers.entities import (
    Entity,
    EntityText,
    check_entity_labels,
    checked_entities,
    entities_in_bytes,
    entity_labels,
    unit_offsets,
)
from zoo.errors import UserError

TEXT = "Zoë 🎈 東京"


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=12))
def test_offsets_in_other_units(text):
    for unit, length in (
        ("characters", len),
        ("bytes", lambda part: len(part.encode())),
        ("utf16", lambda part: len(part.encode("utf-16-le")) // 2),
    ):
        expected = [length(text[:end]) for end in range(len(text) + 1)]
        assert unit_offsets(text, unit).tolist() == expected


def test_entities_in_bytes():
    entities = [Entity(0, 3, "person"), Entity(6, 8, "place")]
    in_bytes = entities_in_bytes(TEXT, entities)
    assert [TEXT.encode()[start:end].decode() for start, end, _ in in_bytes] == ["Zoë", "東京"]
    with pytest.raises(ValueError, match="unit must be one of"):
        unit_offsets(TEXT, "words")


def test_entities_are_sorted():
    assert checked_entities("abcdef", [Entity(3, 6, "x"), Entity(0, 3, "y")], "f:1") == ((0, 3, "y"), (3, 6, "x"))


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([(0, 7, "x")], r"f:1: the entity 0 to 7 \('x'\) lies outside the text, which has 6 characters"),
        ([(-1, 2, "x")], "lies outside"),
        ([(2, 2, "x")], "covers no characters"),
        ([(3, 1, "x")], "covers no characters"),
        ([(0, 3, "x"), (2, 4, "y")], r"the entity 2 to 4 \('y'\) overlaps 0 to 3 \('x'\)"),
        ([(0, 3, " ")], "has no label"),
    ],
)
def test_entities_that_cannot_be(entities, message):
    with pytest.raises(UserError, match=message):
        checked_entities("abcdef", [Entity(*entity) for entity in entities], "f:1")


def test_labels_of_training_and_test_data():
    training = [EntityText("ab", (Entity(0, 1, "y"), Entity(1, 2, "x"))), EntityText("")]
    assert entity_labels(training) == ("x", "y")
    assert check_entity_labels(training, ("x", "y")) == {"x": 1, "y": 1}
    test = [EntityText("abc", (Entity(1, 3, "z"),), source="test.conll:7")]
    with pytest.raises(UserError, match=r"test\.conll:7: the label 'z' of 'bc' does not occur in the training .*x, y"):
        check_entity_labels(training + test, ("x", "y"))
    with pytest.raises(UserError, match=r"train\.conll: none of the 2 texts has an entity"):
        entity_labels([EntityText("a", source="train.conll:1"), EntityText("b", source="train.conll:3")])


def test_where_a_text_is_from_does_not_matter_for_equality():
    assert EntityText("a", source="f:1") == EntityText("a", source="g:2")
    assert EntityText("a") != EntityText("a", tokens=((0, 1),))
