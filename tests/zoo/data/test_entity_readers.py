import gzip
import json
import os
from pathlib import Path

import pytest

from zoo.data.readers.entities import Entity, EntityText, entity_labels
from zoo.data.readers.entity_readers import ConllEntities, JsonlEntities, open_entities
from zoo.errors import UserError

CONLL = """-DOCSTART- -X- O O

# text = Zoë sees 🎈 of New York . side
Zoë NNP B-NP B-person
sees VBZ B-VP O
🎈 SYM O O
of IN O O
New NNP B-NP B-place
York NNP I-NP I-place
. . O O


# newpar
# NN O O
is VBZ O O
東京 NNP B-NP B-place
"""
TEXTS = [
    EntityText(
        "Zoë sees 🎈 of New York .",
        (Entity(0, 3, "person"), Entity(14, 22, "place")),
        ((0, 3), (4, 8), (9, 10), (11, 13), (14, 17), (18, 22), (23, 24)),
    ),
    EntityText("# is 東京", (Entity(5, 7, "place"),), ((0, 1), (2, 4), (5, 7))),
]


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def conll(tmp_path, text, **options):
    return ConllEntities(write(tmp_path / "a.conll", text), **options)


def test_conll(tmp_path):
    for text in (CONLL, CONLL.replace(" ", "\t"), CONLL.replace("\n", "\r\n"), CONLL.replace(" ", "  ")):
        reader = conll(tmp_path, text)
        assert list(reader) == TEXTS
        assert list(reader) == TEXTS
        assert reader.scheme == "BIO"
        assert reader.reading == f"{tmp_path / 'a.conll'}: read as BIO (IOB2)"
    assert [text.source for text in reader] == [f"{tmp_path / 'a.conll'}:4", f"{tmp_path / 'a.conll'}:14"]
    path = write(tmp_path / "a.conll.gz", gzip.compress(CONLL.encode()))
    assert list(ConllEntities(path)) == TEXTS


def test_columns_by_index(tmp_path):
    reader = conll(tmp_path, "O\tB-x\ta b\nB-y\tO\tc", token_column=-1, tag_column=0)
    assert list(reader) == [EntityText("a b c", (Entity(4, 5, "y"),), ((0, 3), (4, 5)))]


GERMEVAL = "#\thttp://x.de/Zoë [2009-10-17]\n1\tDer\tO\tO\n2\tFC\tB-ORG\tO\n3\tBerlin\tI-ORG\tB-LOC\n\n1\tJa\tO\tO\n"
UNER = (
    "# newdoc\n# sent O\n# text = Ana saw\u00a0Rome.\n"
    "1\tAna\tB-PER\t-\tj\n2\tsaw\tO\t-\t-\n3\tRome\tB-LOC\t-\tj\n4\t.\tO\t-\t\n"
)


def test_shapes_known_by_their_look(tmp_path):
    """Values by hand, from the descriptions of GermEval 2014 and Universal NER."""
    reader = conll(tmp_path, GERMEVAL)
    assert [(text.text, text.entities) for text in reader] == [("Der FC Berlin", (Entity(4, 13, "ORG"),)), ("Ja", ())]
    assert reader.reading.endswith(
        "; as GermEval: tokens from column 1, outer entities from column 2; inner ones, column 3, are left out"
    )
    inner = next(iter(conll(tmp_path, GERMEVAL, tag_column=3)))
    assert inner.entities == (Entity(7, 13, "LOC"),)
    for text in (UNER, UNER.replace("\n", "\r\n")):
        reader = conll(tmp_path, text)
        (sentence,) = reader
        # The text is the comment's: the full stop touches the word before it.
        assert (sentence.text, sentence.entities) == ("Ana saw\u00a0Rome.", (Entity(0, 3, "PER"), Entity(8, 12, "LOC")))
        assert sentence.tokens == ((0, 3), (4, 7), (8, 12), (12, 13))
        assert reader.reading.endswith(
            "lines are numbered; tokens from column 1, tags from column 2; texts as the file gives them"
        )
    spaced = next(iter(conll(tmp_path, UNER, token_separator="blank")))
    assert spaced.text == "Ana saw Rome ."
    # A comment with another text, and a file of numbers that do not count.
    other = next(iter(conll(tmp_path, UNER.replace("saw\u00a0", "sees "))))
    assert other.text == "Ana saw Rome ."
    assert [text.text for text in conll(tmp_path, "7 CD O\n9 CD B-x\n")] == ["7 9"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Comments, of other columns than the data or with a key and a value.
        ("# sent_id = O\na\tO\n", ["a"]),
        ("# id O\na O\n", ["a"]),
        ("# text = O\na X Y O\n", ["a"]),
        ("#\na O\n", ["a"]),
        ("## klue-1\t<a:PS> O\na\tO\n", ["a"]),
        # The token "#" and tokens that begin with it.
        ("#\tO\na\tO\n", ["# a"]),
        ("#b O\na O\n", ["#b a"]),
        ("# X O\na X O\n", ["# a"]),
        ("a\tO\n# b\tO\n", ["a # b"]),
    ],
)
def test_comments(tmp_path, text, expected):
    assert [each.text for each in conll(tmp_path, text)] == expected


def test_one_character_a_line(tmp_path):
    """Entities of a Chinese file without blanks lie in its text where they do in the sentence as it was written."""
    written = "我2008年在北京用iPhone。"
    tags = dict.fromkeys(range(len(written)), "O") | {7: "B-place", 8: "I-place", 10: "B-thing"}
    tags |= dict.fromkeys(range(11, 16), "I-thing")
    reader = conll(tmp_path, "".join(f"{character} {tags[place]}\n" for place, character in enumerate(written)))
    (text,) = reader
    assert text == EntityText(
        written,
        (Entity(7, 9, "place"), Entity(10, 16, "thing")),
        tuple((place, place + 1) for place in range(len(written))),
    )
    assert [written[entity.start : entity.end] for entity in text.entities] == ["北京", "iPhone"]
    assert reader.reading.endswith("read as BIO (IOB2); tokens joined without blanks, as its script wants")
    with_blanks = "".join(f"{character}\tO\n" for character in "用 iPhone XS。")
    assert next(iter(conll(tmp_path, with_blanks))).text == "用 iPhone XS。"
    assert next(iter(jsonl(tmp_path, {"tokens": [*written], "tags": [*tags.values()]}))) == text
    spaced = next(iter(conll(tmp_path, "他 B-x\n们 I-x\n", token_separator="blank")))
    assert (spaced.text, spaced.entities) == ("他 们", (Entity(0, 3, "x"),))


def test_blank_tokens_of_other_files(tmp_path):
    with pytest.raises(
        UserError, match=r"a\.conll:2: the token is a blank; remove the line, or give the separator none"
    ):
        list(conll(tmp_path, "He\tO\n \tO\nran\tO\n"))
    assert next(iter(conll(tmp_path, "He\tO\n \tO\nran\tO\n", token_separator="none"))).text == "He ran"
    with pytest.raises(UserError, match="tokens cannot be separated by 'tab'; give one of auto, blank, none"):
        conll(tmp_path, "a O", token_separator="tab")


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [("I-a B-a O I-b", "IOB1"), ("S-a S-a O S-b", "BIOES"), ("U-a U-a O U-b", "BILOU"), ("B-a B-a O B-b", "BIO")],
)
def test_scheme_is_found_out_and_said(tmp_path, tags, scheme):
    reader = conll(tmp_path, "\n".join(f"{word}\t{tag}" for word, tag in zip("wxyz", tags.split(), strict=True)))
    assert [entity.label for entity in next(iter(reader)).entities] == ["a", "a", "b"]
    assert reader.scheme == scheme
    assert f"read as {scheme}" in reader.reading


def test_lenient_reading(tmp_path):
    mixed = "a B-x\nb O\nc I-x\n"
    with pytest.raises(UserError, match=r"a\.conll:3: I-x begins an entity, as in IOB1, but at .*a\.conll:1 B-x does"):
        list(conll(tmp_path, mixed))
    with pytest.raises(UserError, match=r"a\.conll:3: I-x after O continues no entity of its label, as BIO wants"):
        list(conll(tmp_path, mixed, scheme="BIO"))
    reader = conll(tmp_path, mixed, lenient=True)
    assert next(iter(reader)).entities == (Entity(0, 1, "x"), Entity(4, 5, "x"))
    assert reader.reading.endswith("read as BIO (IOB2), leniently")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a O\nb\n", r"a\.conll:2: has one column, 'b'"),
        ("a X O\nb O\n", r"a\.conll:2: has 2 columns but line 1 has 3"),
        ("a O\nb X-y\n", r"a\.conll:2: the tag 'X-y' has the unknown prefix 'X'"),
        ("a O\n\nb person\n", r"a\.conll:3: the tag 'person' has no prefix"),
        ("a\tO\n\tO\n", r"a\.conll:2: the token is empty"),
        ("a\tO\nb O\n", r"a\.conll:2: has one tab-separated column, 'b O'; each line needs a token and its tag"),
        ("a\tO\nb\tX\tO\nc\tO\n", r"a\.conll:2: has 3 tab-separated columns but line 1 has 2"),
        ("a\tB-x\t0.5\nb\tO\t0.5\n", r"a\.conll:1: the tag '0.5' has no prefix.*; column 1 holds tags: is it --tag-c"),
        ("#tag\nb O\n", r"a\.conll:1: has one column, '#tag'"),
        (
            "# this O\na X O\n",
            r"a\.conll:1: may be a comment, or the token '#' with the tag O; remove comments, or part",
        ),
        (
            "1\ta\tO\n2\tb\tO\n3-4\tdu\tO\n",
            r"a\.conll:3: the first column, which numbers .* has '3-4'; words of CoNLL-U",
        ),
        ("1\ta\tNN\n2\tb\tNN\n", r"a\.conll:1: lines are numbered, as in CoNLL-U, but no column holds tags"),
        ("1\ta\tB-NP\tO\n2\tb\tI-NP\tB-x\n", r"a\.conll:1: the columns 2 and 3 all hold tags; say which with --tag-c"),
        ("a O\nb B-x\nc E-y\n", r"a\.conll:3: E-y after B-x continues no entity"),
        (b"a O\n\xff O\n", r"a\.conll:2: not valid UTF-8 at byte 1"),
        ("", "the file is empty"),
        ("\n \n\t\n# comment\n", "has no sentence"),
    ],
)
def test_conll_mistakes(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        list(conll(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_mistakes_in_options(tmp_path):
    with pytest.raises(UserError, match="no tag scheme 'IO'"):
        conll(tmp_path, "a O", scheme="IO")
    with pytest.raises(UserError, match=r"a\.conll:1: has no column 5 for the tag"):
        list(conll(tmp_path, "a O", tag_column=5))
    with pytest.raises(UserError, match="same column"):
        list(conll(tmp_path, "a O", tag_column=0))
    with pytest.raises(UserError, match="same column"):
        conll(tmp_path, "a O", token_column=1, tag_column=1)
    with pytest.raises(UserError, match="offsets cannot count 'words'"):
        JsonlEntities(write(tmp_path / "a.jsonl", "{}"), offsets="words")


def jsonl(tmp_path, *rows, **options):
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return JsonlEntities(write(tmp_path / "a.jsonl", "\n".join(lines) + "\n\n"), **options)


def test_forms_of_spans(tmp_path):
    text = "Zoë, 🎈 in Rome"
    place = {"start": 10, "end": 14, "label": "place"}
    rows = [
        {"text": text, "entities": [place, {"start": 0, "end": 3, "label": "person"}]},
        {"text": text, "spans": [[0, 3, "person"], [10, 14, "place"]]},
        {"text": text, "label": [[10, 14, "place"], [0, 3, "person"]], "tokens": ["x"]},
        {"text": text, "entities": [{"start_offset": 0, "end_offset": 3, "type": "person", "id": 1}, place]},
    ]
    expected = EntityText(text, (Entity(0, 3, "person"), Entity(10, 14, "place")))
    reader = jsonl(tmp_path, *rows, {"text": "", "entities": []})
    assert list(reader) == [expected] * 4 + [EntityText("")]
    assert [each.source.rpartition(":")[2] for each in reader] == ["1", "2", "3", "4", "5"]
    assert reader.reading.endswith("read as spans")


def test_annotation_tools(tmp_path):
    """Rows as Prodigy and Label Studio write them; what the annotator turned down is no reference."""
    span = {"start": 3, "end": 7, "label": "LOC"}
    rows = [
        {"text": "In Bonn.", "spans": [span], "answer": "reject"},
        {"text": "In Rome.", "spans": [{**span, "token_start": 1, "token_end": 1}], "answer": "accept"},
        {"text": "skip me", "spans": [{**span, "start": 0}], "answer": "ignore"},
        {"id": 1, "text": "In Bonn.", "label": [{"start": 3, "end": 7, "text": "Bonn", "labels": ["LOC"]}]},
        {"text": "In Linz.", "label": [], "was_cancelled": True},
    ]
    reader = jsonl(tmp_path, *rows)
    place = (Entity(3, 7, "LOC"),)
    assert list(reader) == [EntityText("In Rome.", place), EntityText("In Bonn.", place)]
    assert reader.reading.endswith(
        "read as spans; 1 row marked answer reject left out, 1 row marked answer ignore left out, "
        "1 row marked was_cancelled true left out"
    )
    with pytest.raises(UserError, match="every row is marked answer reject"):
        list(jsonl(tmp_path, rows[0]))
    named = {"data": {"body": "In Rome."}, "entities": [], "label": [span]}
    assert list(jsonl(tmp_path, named, text="data.body", entities="label")) == [EntityText("In Rome.", place)]


def test_text_beside_tokens(tmp_path):
    row = {"text": "No, Rome.", "tokens": ["No", ",", "Rome", "."], "tags": ["O", "O", "B-x", "O"]}
    expected = EntityText("No, Rome.", (Entity(4, 8, "x"),), ((0, 2), (2, 3), (4, 8), (8, 9)))
    assert list(jsonl(tmp_path, row)) == [expected]
    assert next(iter(jsonl(tmp_path, row, token_separator="blank"))).text == "No , Rome ."
    with pytest.raises(UserError, match=r"a\.jsonl:1: the tokens do not spell the text"):
        list(jsonl(tmp_path, {**row, "text": "No, Rom."}))


def test_opened_by_name(tmp_path):
    """Each kind of file takes its own options and leaves the others."""
    options = {"tag_column": 1, "scheme": "BIOES", "offsets": "bytes", "text_field": "body"}
    lines = write(tmp_path / "a.jsonl.gz", gzip.compress(b'{"body": "\xc3\xa4a", "entities": [[2, 3, "x"]]}'))
    assert list(open_entities(lines, **options)) == [EntityText("äa", (Entity(1, 2, "x"),))]
    table = write(tmp_path / "a.txt", "a S-x y")
    assert list(open_entities(table, **options)) == [EntityText("a", (Entity(0, 1, "x"),), ((0, 1),))]


def test_offsets_of_other_programs(tmp_path):
    text = "Zoë, 🎈 in Rome"
    expected = [EntityText(text, (Entity(5, 6, "thing"), Entity(10, 14, "place")))]
    in_bytes = {"text": text, "entities": [[6, 10, "thing"], [14, 18, "place"]]}
    assert list(jsonl(tmp_path, in_bytes, offsets="bytes")) == expected
    utf16 = {"text": text, "entities": [[5, 7, "thing"], [11, 15, "place"]]}
    assert list(jsonl(tmp_path, utf16, offsets="utf16")) == expected
    with pytest.raises(UserError, match=r"a\.jsonl:1: .*begins or ends inside a character, at 5; .* count bytes"):
        list(jsonl(tmp_path, {"text": "🎈🎈", "entities": [[4, 5, "x"]]}, offsets="bytes"))
    with pytest.raises(UserError, match=r"begins or ends outside the text, which has 4, at 5"):
        list(jsonl(tmp_path, {"text": "🎈", "entities": [[0, 5, "x"]]}, offsets="bytes"))


def test_tokens_and_tags(tmp_path):
    rows = [
        {"tokens": ["In", "New", "York"], "tags": ["O", "I-place", "I-place"]},
        {"id": "7", "tokens": ["Rome"], "ner_tags": ["I-place"]},
        {"tokens": [], "tags": []},
    ]
    reader = jsonl(tmp_path, *rows)
    assert list(reader) == [
        EntityText("In New York", (Entity(3, 11, "place"),), ((0, 2), (3, 6), (7, 11))),
        EntityText("Rome", (Entity(0, 4, "place"),), ((0, 4),)),
        EntityText("", (), ()),
    ]
    assert reader.scheme == "IOB1"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": "a", ', "not valid JSON"),
        ("[1]", "must be a JSON object with named fields, not a list"),
        ({"text": "a"}, r'has no entities; write "entities": \[\]'),
        ({"text": 5, "entities": []}, "field 'text' must be text, not a number"),
        ({"texts": "a"}, "needs the fields text and entities or tokens and tags; its fields are texts"),
        ({"text": "a", "entities": {}}, "field 'entities' must be a list of entities, not an object"),
        ({"text": "a", "entities": [{"start": 0, "end": 1}]}, "entity 1 of field 'entities' has no field 'label'"),
        ({"text": "a", "entities": [[0, 1]]}, "must be an object with start, end and label, or a list of the three"),
        ({"text": "a", "entities": [[0, 1.0, "x"]]}, "end of entity 1 of field 'entities' must be a whole number"),
        ({"text": "a", "entities": [[True, 1, "x"]]}, "start of entity 1 .* whole number, not True"),
        ({"text": "a", "entities": [[0, 1, None]]}, "the label of entity 1 .* must be text, not null"),
        ({"text": "a", "entities": [[0, 2, "x"]]}, "lies outside the text, which has 1 characters"),
        ({"text": "ab", "entities": [[0, 2, "x"], [1, 2, "x"]]}, "overlaps"),
        (
            {"text": "ab", "spans": [{"start": 0, "end": 1, "label": "x", "text": "b"}]},
            "covers 'a' but its text is 'b'; do",
        ),
        ({"text": "a", "label": [{"start": 0, "end": 1, "labels": ["x", "y"]}]}, "has 2 labels; each entity has one"),
        ({"text": "a", "label": [], "entities": []}, "has the lists entities and label; say which .*--entities-field"),
        ({"text": "a", "spans": [], "_is_binary": True, "answer": "accept"}, r"answers yes or no .*\(_is_binary\)"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "has 2 tokens but 1 tags"),
        ({"tokens": ["a"], "tags": [3]}, "tag 1 is the number 3; write its name"),
        ({"tokens": ["a"], "tags": ["place"]}, "the tag 'place' has no prefix"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, "token 2 is empty"),
        ({"tokens": "a", "tags": ["O"]}, "field 'tokens' must be a list, not text"),
        ('{"text": "\\ud83d", "entities": []}', "half of a surrogate pair"),
    ],
)
def test_jsonl_mistakes(tmp_path, row, message):
    reader = jsonl(tmp_path, {"text": "a", "entities": []}, row)
    with pytest.raises(UserError, match=rf"a\.jsonl:2: .*{message}" if message else "") as caught:
        list(reader)
    assert "\n" not in str(caught.value)


def test_only_empty_lines(tmp_path):
    with pytest.raises(UserError, match="has no row"):
        list(jsonl(tmp_path, "", " "))


WNUT17 = Path(os.environ.get("ZOO_DATA_DIR", "absent")) / "wnut17"


@pytest.mark.published
@pytest.mark.skipif(not WNUT17.is_dir(), reason="ZOO_DATA_DIR holds no wnut17 folder")
def test_wnut17():
    """Numbers of sentences from the data set's description; entities are as many as lines whose tag begins with B-."""
    path = WNUT17 / "emerging.test.annotated"
    reader = ConllEntities(path)
    texts = list(reader)
    assert len(texts) == 1287
    lines = path.read_text(encoding="utf-8").split("\n")
    assert sum(len(text.entities) for text in texts) == sum("\tB-" in line for line in lines) == 1079
    assert reader.scheme == "BIO"
    assert entity_labels(texts) == ("corporation", "creative-work", "group", "location", "person", "product")
    for text in texts:
        number = int(text.source.rpartition(":")[2])
        assert text.text.split(" ") == [line.split("\t")[0] for line in lines[number - 1 :][: len(text.tokens)]]
        assert " ".join(text.text[start:end] for start, end in text.tokens) == text.text
