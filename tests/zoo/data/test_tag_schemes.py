import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from zoo.data.readers.tag_schemes import SchemeDetector, TagError, bio_tags, spans_to_tags, split_tag, tags_to_spans
from zoo.errors import UserError

SPANS = [(0, 1, "a"), (1, 3, "a"), (4, 8, "b-c")]
SPELLED = {
    "BIO": "B-a B-a I-a O B-b-c I-b-c I-b-c I-b-c O",
    "IOB1": "I-a B-a I-a O I-b-c I-b-c I-b-c I-b-c O",
    "BIOES": "S-a B-a E-a O B-b-c I-b-c I-b-c E-b-c O",
    "BILOU": "U-a B-a L-a O B-b-c I-b-c I-b-c L-b-c O",
    "BMES": "S-a B-a E-a O B-b-c M-b-c M-b-c E-b-c O",
}


def detected(*sequences):
    detector = SchemeDetector()
    for number, tags in enumerate(sequences, 1):
        detector.see(tags, [f"f:{number}.{position}" for position in range(len(tags))])
    return detector.scheme()


@pytest.mark.parametrize("scheme", SPELLED)
def test_one_set_of_spans_in_every_scheme(scheme):
    tags = SPELLED[scheme].split()
    assert detected(["O"], tags) == scheme
    assert tags_to_spans(tags, scheme) == SPANS
    assert tags_to_spans(tags, scheme, lenient=True) == SPANS


def test_spans_become_bio_tags():
    assert spans_to_tags(SPANS, 9) == SPELLED["BIO"].split()
    assert tags_to_spans([]) == []
    assert bio_tags(["a", "b-c"]) == ("O", "B-a", "I-a", "B-b-c", "I-b-c")


def test_detection():
    assert detected(["O", "O"]) == "BIO"
    assert detected(["B-a", "B-a"]) == "BIO"
    assert detected(["I-a", "B-a"]) == "IOB1"
    assert detected(["O", "I-a"], ["I-b", "I-a"]) == "IOB1"
    assert detected(["U-a"]) == "BILOU"
    with pytest.raises(UserError, match=r"f:2\.1: I-a begins an entity, as in IOB1, but at f:1\.1 B-a does, as in BIO"):
        detected(["O", "B-a"], ["O", "I-a"])
    with pytest.raises(UserError, match=r"f:2\.0: M-a does not go with I-a at f:1\.1: .* prefixes B, I, M;"):
        detected(["B-a", "I-a"], ["M-a"])
    with pytest.raises(UserError, match=r"f:1\.0: the tag 'PER' has no prefix"):
        detected(["PER"])


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("person", "no prefix"),
        ("b-person", "unknown prefix 'b'"),
        ("BI-person", "unknown prefix 'BI'"),
        ("B-", "no label"),
    ],
)
def test_what_is_no_tag(tag, message):
    with pytest.raises(ValueError, match=message):
        split_tag(tag)


@pytest.mark.parametrize(
    ("scheme", "tags", "position", "message"),
    [
        ("BIO", "O I-a", 1, "I-a after O continues no entity"),
        ("BIO", "I-a", 0, "I-a after the beginning"),
        ("BIO", "B-a I-b", 1, "I-b after B-a"),
        ("BIO", "O S-a", 1, "S-a is no tag of BIO"),
        ("IOB1", "I-a O B-a", 2, "B-a after O is not IOB1"),
        ("BIOES", "B-a O", 0, "the entity of B-a goes on to no E-a before O"),
        ("BIOES", "O B-a I-a", 2, "the entity of I-a goes on to no E-a before the end"),
        ("BIOES", "S-a E-a", 1, "E-a after S-a continues no entity"),
        ("BILOU", "B-a U-a", 0, "goes on to no L-a before U-a"),
    ],
)
def test_sequences_that_break_their_scheme(scheme, tags, position, message):
    with pytest.raises(TagError, match=message) as caught:
        tags_to_spans(tags.split(), scheme)
    assert caught.value.position == position
    if "no tag" not in message:
        tags_to_spans(tags.split(), scheme, lenient=True)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"]), max_size=8))
def test_lenient_reading_is_that_of_conlleval(tags):
    assert tags_to_spans(tags, lenient=True) == [(first, last + 1, label) for label, first, last in get_entities(tags)]
