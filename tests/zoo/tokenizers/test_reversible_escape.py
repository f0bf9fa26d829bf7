import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.tokenizers.sentencepiece.reversible_escape import (
    ESCAPE_CHARACTER,
    ESCAPES,
    escape_graph,
    escape_text,
    unescape_graph,
)

TRICKY = st.text(st.sampled_from("".join(character for character, _ in ESCAPES) + "euxztnr a"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(TRICKY, st.text(st.characters(exclude_categories=["Cs"]))), min_size=1))
def test_graph_escapes_as_python_does_and_comes_back(texts):
    escaped = escape_graph(tf.constant(texts))
    assert [text.decode() for text in escaped.numpy()] == [escape_text(text) for text in texts]
    assert [text.decode() for text in unescape_graph(escaped).numpy()] == texts


@given(TRICKY)
def test_escaped_text_holds_no_reserved_character(text):
    assert not set(escape_text(text)) & set("\u2581\u2585\x00\t\n\r")


def test_one_replacement_per_character_and_distinct_pairs():
    assert escape_text("a\tb␛t") == "a␛tb␛et"
    pairs = [pair for _, pair in ESCAPES]
    assert len(set(pairs)) == len(pairs)
    assert all(len(pair) == 2 and pair[0] == ESCAPE_CHARACTER for pair in pairs)


def test_unknown_pair_stays():
    assert unescape_graph(tf.constant(["␛q ␛"])).numpy()[0].decode() == "␛q ␛"
