import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.readers.class_labels import check_class_labels, class_labels
from zoo.data.readers.classified_text import ClassifiedText, CsvClasses, JsonlClasses, TsvClasses, open_classes
from zoo.errors import UserError


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(reader):
    return [(text.text, text.labels) for text in reader]


def test_csv(tmp_path):
    text = 'id,text,label\r\n1,"a, ""b""",x\r\n\r\n2,"two\r\nlines",y\r\n3,,x\r\n'
    reader = CsvClasses(write(tmp_path / "a.csv", text), text="text", label="label")
    expected = [('a, "b"', ("x",)), ("two\nlines", ("y",)), ("", ("x",))]
    assert read(reader) == read(reader) == expected
    assert [each.source.rpartition(":")[2] for each in reader] == ["2", "4", "6"]
    assert read(CsvClasses(write(tmp_path / "b.csv.gz", gzip.compress(text.encode())), "text", 2)) == expected
    assert read(CsvClasses(write(tmp_path / "c.csv", text.replace("\r\n", "\n")), 1, 2, has_header=True)) == expected
    assert read(CsvClasses(write(tmp_path / "d.csv", "a;x\nb;y"), delimiter=";")) == [("a", ("x",)), ("b", ("y",))]


any_field = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(any_field, st.sampled_from(["x", "y, z"])), min_size=1, max_size=6))
def test_what_csv_writes_is_read_back(tmp_path_factory, rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("text", "label"), *rows])
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", buffer.getvalue())
    assert read(CsvClasses(path, "text", "label")) == [(text, (label,)) for text, label in rows]


def test_blanks_and_marks_that_are_text(tmp_path):
    """Quoted fields may begin with a blank and a mark; values by the csv module."""
    rows = [["text", "label"], [' "a", b', "x"], ['5" pipe', "x"], ["c\rd", "y"], ['"', "y"]]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    path = write(tmp_path / "a.csv", buffer.getvalue())
    assert read(CsvClasses(path, "text", "label")) == [(text, (label,)) for text, label in rows[1:]]
    plain = write(tmp_path / "b.csv", '\ufeff text , label \r\n5" pipe, in use \r\r\n\r\n  \r\n')
    assert read(CsvClasses(plain, "text", "label")) == [('5" pipe', ("in use",))]


def test_one_rule_for_labels(tmp_path):
    """Blanks around a label are no part of it and those within are, in every format."""
    tables = ["text,label\na,  New York \n", "text\tlabel\na\t  New York \n"]
    for name, text in zip(("a.csv", "a.tsv"), tables, strict=True):
        assert read(open_classes(write(tmp_path / name, text))) == [("a", ("New York",))]
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": " New York\\t"}')
    assert read(open_classes(path)) == [("a", ("New York",))]
    path = write(tmp_path / "b.csv", "text,label\na,x ; New York;\n")
    with pytest.raises(UserError, match=r"b\.csv:2: the label is empty"):
        read(open_classes(path, label_separator=";"))
    assert check_class_labels(texts(("ぬ\u200d",)), ("ぬ\u200d",)) == {"ぬ\u200d": 1}
    with pytest.raises(UserError, match=r"f\.csv: the labels 'e\\u0301' and '\\xe9' look the same"):
        class_labels(texts(("\u00e9",), ("e\u0301",)))


def test_delimiters(tmp_path):
    for delimiter, option in ((";", ";"), ("|", "|"), ("\t", "tab"), ("\t", "\\t")):
        path = write(tmp_path / "a.csv", f'text{delimiter}label\n"a{delimiter}b"{delimiter}x\n')
        assert read(open_classes(path, delimiter=option)) == [(f"a{delimiter}b", ("x",))]


def test_long_text(tmp_path):
    text = "word " * 200_000
    assert read(CsvClasses(write(tmp_path / "a.csv", f'"{text}",x\n'))) == [(text, ("x",))]


def test_tsv_has_no_quoting(tmp_path):
    path = write(tmp_path / "a.tsv", 'label\ttext\nx\t"a\n\ny\tb"\n')
    assert read(TsvClasses(path, "text", "label")) == [('"a', ("x",)), ('b"', ("y",))]


def test_several_labels(tmp_path):
    path = write(tmp_path / "a.csv", "text,labels\na,x; y\nb,\nc,y\n")
    expected = [("a", ("x", "y")), ("b", ()), ("c", ("y",))]
    assert read(CsvClasses(path, "text", "labels", label_separator=";")) == expected
    path = write(tmp_path / "b.csv", "text,x,y\na,1,1\nb,0,0.0\nc, False,TRUE\n")
    assert read(CsvClasses(path, "text", ["x", "y"])) == expected
    rows = [{"t": "a", "l": ["x", "y"]}, {"t": "b", "l": []}, {"t": "c", "l": "y"}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    assert read(JsonlClasses(path, "t", "l")) == expected


def test_vectors_of_0_and_1(tmp_path):
    """As transformers wants them: place n is label n."""

    def labels(*values, **options):
        lines = (json.dumps({"text": "a", "label": value}) for value in values)
        reader = open_classes(write(tmp_path / "v.jsonl", "\n".join(lines)), **options)
        return [text.labels for text in reader], reader.reading.rpartition(": ")[2]

    said = "lists of 0 and 1 read as vectors of labels"
    assert labels([0, 1], [1, 0]) == ([("1",), ("0",)], said)
    assert labels([0, 0, 1], [1, 0, 1], [0, 0, 0]) == ([("2",), ("0", "2"), ()], said)
    assert labels([0.0, 1.0], label_names=("bad", "good")) == ([("good",)], said)
    # Numbers of labels, as their lists are not all of one length.
    assert labels([0, 1], [1]) == ([("0", "1"), ("1",)], "")
    assert labels([2], [0, 1], label_names=("a", "b", "c")) == ([("c",), ("a", "b")], "")
    train = open_classes(write(tmp_path / "t.jsonl", '{"text": "a", "label": [3]}'))
    assert labels([0, 1], [1, 0], like=train) == ([("0", "1"), ("1", "0")], "")
    with pytest.raises(UserError, match=r"v\.jsonl:2: field 'label' must hold text or whole numbers, not a number"):
        labels([0, 1], [0, 0.5])
    with pytest.raises(UserError, match=r"v\.jsonl:1: the label '3' has no name; --label-names names 2"):
        labels([3], label_names=("a", "b"))
    vectors = JsonlClasses(write(tmp_path / "w.jsonl", '{"text": "a", "label": [0, 2]}'), vectors=True)
    with pytest.raises(
        UserError, match=r"w\.jsonl:1: field 'label' must be a list of 0 and 1, as in the training data"
    ):
        list(vectors)


def test_fields_of_0_and_1(tmp_path):
    rows = [{"text": "a", "x": 1, "new y": False}, {"text": "b", "x": 0.0, "new y": "true"}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert read(open_classes(path, label=("x", "new y"))) == [("a", ("x",)), ("b", ("new y",))]
    path = write(tmp_path / "b.jsonl", '{"text": "a", "x": 2}')
    with pytest.raises(UserError, match=r"b\.jsonl:1: field 'x' must be 0 or 1, not 2"):
        read(open_classes(path, label=("x",)))


def test_annotation_tools(tmp_path):
    rows = [
        {"text": "a", "label": "x", "answer": "accept"},
        {"text": "b", "label": "x", "answer": "reject"},
        {"text": "c", "accept": ["y"], "label": "y", "answer": "accept"},
        {"text": "d", "label": "x", "was_cancelled": True},
    ]
    reader = open_classes(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows))))
    assert read(reader) == [("a", ("x",)), ("c", ("y",))]
    assert reader.reading.endswith("1 row marked answer reject left out, 1 row marked was_cancelled true left out")
    label_studio = {"text": "a", "mood": {"choices": ["x", "y"]}}
    path = write(tmp_path / "b.jsonl", json.dumps(label_studio))
    assert read(open_classes(path, label="mood.choices")) == [("a", ("x", "y"))]


def test_separators_and_names_in_both_kinds_of_files(tmp_path):
    names, expected = ("no", "yes, so"), [("a", ("no", "yes, so")), ("b", ())]
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": "0; 1"}\n{"text": "b", "label": ""}')
    assert read(open_classes(path, label_separator=";", label_names=names)) == expected
    path = write(tmp_path / "a.tsv", "text\tlabel\na\t0;1\nb\t\n")
    assert read(open_classes(path, label_separator=";", label_names=names)) == expected
    with pytest.raises(
        UserError, match=r"a\.tsv:2: the label '0;1' has no name; --label-names names 2, counted from 0"
    ):
        read(open_classes(path, label_names=names))
    with pytest.raises(UserError, match=r"a\.xlsx: the name must end in"):
        open_classes(write(tmp_path / "a.xlsx", "text,label\n"))


def test_jsonl_with_nested_fields_and_numbers(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"data": {"text": "a"}, "label": 3}\n')
    assert read(JsonlClasses(path, "data.text")) == [("a", ("3",))]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("text,label\na,x\nb\n", {}, r"a\.csv:3: has 1 column but the header has 2; is it parted by other characters"),
        ("text,label\nyes, please,x\n", {}, r"a\.csv:2: has 3 columns but the header has 2; put fields that hold ','"),
        (
            'label,text\nx,a\nx, "b, c"\n',
            {},
            r"a\.csv:3: has a quotation mark behind a blank, which programs read in two",
        ),
        ('label,text\nx, "b"\n', {}, r"a\.csv:2: has a quotation mark behind a blank"),
        ('label,text\n"x",\t"b"\n', {}, r"a\.csv:2: has a quotation mark behind a blank"),
        ("text,label\na,x\rb,y\r", {}, r"a\.csv:2: has a carriage return inside of a line; save the file"),
        ("text,label\na,x\n\ufeffb,y\n", {}, r"a\.csv:3: begins with a byte order mark"),
        ("text,label\na,x\u200b\n", {}, r"a\.csv:2: the label 'x\\u200b' holds the invisible character U\+200B"),
        ('text,label\na,"x\ny"\n', {}, r"a\.csv:2: the label 'x\\ny' holds the invisible character U\+000A"),
        (
            "text;label\na;x\n",
            {},
            r"a\.csv:1: column 'text' is not in .*; parted by ';' it would have: give --delimiter ';'",
        ),
        ("text\tlabel\na\tx\n", {}, "parted by 'tab' it would have: give --delimiter tab"),
        (
            "text,a b,c\nx,0,1\ny,1,1\n",
            {},
            r"'label' is not in the .*; columns of 0 and 1 are labels with --label-columns 'a b' c",
        ),
        ("text,label\na,x\n", {"label": "class"}, r"a\.csv:1: column 'class' is not in the header, which has text, l"),
        ("text,text,label\na,x,y\n", {}, "column 'text' is twice"),
        ("text,label\na,x\nb, \n", {}, r"a\.csv:3: the label is empty"),
        ('text,label\na,x\n"b,y\nc,x\n', {}, r"a\.csv:3: the record that begins here is not CSV .* mark not closed"),
        (b"text,label\n\xff,x\n", {}, r"a\.csv:2: not valid UTF-8"),
        ("text,label\n", {}, "has no text"),
        ("text,label\na,x;x\n", {"label_separator": ";"}, r"a\.csv:2: has the label 'x' twice"),
        ("text,label\na,2\n", {"label": ["label"]}, r"a\.csv:2: column 'label' must be 0 or 1, not '2'"),
        ("a,x\n", {"text": 0, "label": "label", "has_header": False}, "needs a header"),
        ('"sep=;"\r\ntext;label\r\n', {"delimiter": ";"}, r"a\.csv:1: is a note of Excel, .*; remove it and say"),
        ("text,Label\na,x\n", {"text": 0, "label": 1}, r"a\.csv:1: looks like a header, with the label 'Label'; give"),
        ("a,x\n", {"text": -1, "label": 0}, "negative"),
        ("a,x\n", {"text": 1, "label": 1}, "named twice"),
        ("text,x\na,1\n", {"text": "text", "label": 0}, "same column"),
        ("a,1\n", {"text": 0, "label": [1]}, "give names, not positions"),
        ("text,x\na,1\n", {"label": ["x"], "label_separator": ";"}, "not both"),
        ("a,x\n", {"delimiter": ", "}, "cannot be parted by"),
    ],
)
def test_csv_mistakes(tmp_path, text, options, message):
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(UserError, match=message) as caught:
        list(CsvClasses(path, **{"text": "text", "label": "label", **options}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "a"}, "has no field 'label'"),
        ({"text": "a", "label": None}, "field 'label' must hold text or whole numbers, not null"),
        ({"text": "a", "label": [1.5]}, "must hold text or whole numbers, not a number"),
        ({"text": 1, "label": "x"}, "field 'text' must be text"),
        ({"text": "a", "label": ["x", "x"]}, "label 'x' twice"),
    ],
)
def test_jsonl_mistakes(tmp_path, row, message):
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": "x"}\n' + json.dumps(row))
    with pytest.raises(UserError, match=rf"a\.jsonl:2: .*{message}"):
        list(JsonlClasses(path))
    with pytest.raises(UserError, match="same field"):
        JsonlClasses(path, "text", "text")


def texts(*labels):
    return [ClassifiedText(str(number), each, f"f.csv:{number}") for number, each in enumerate(labels, 2)]


def test_labels_of_training_data():
    assert class_labels(texts(("y",), ("x",), ("y",))) == (("x", "y"), False)
    assert class_labels(texts(("y",), ("x", "y"))) == (("x", "y"), True)
    assert class_labels(texts(("y",), ())) == (("y",), True)
    with pytest.raises(UserError, match=r"f\.csv: all texts have the label 'x', so that there is nothing to learn"):
        class_labels(texts(("x",), ("x",)))
    with pytest.raises(UserError, match=r"f\.csv: no text has a label"):
        class_labels(texts((), ()))
    with pytest.raises(UserError, match=r"^no text has a label"):
        class_labels([])


def test_labels_of_test_data():
    assert check_class_labels(texts(("x",), ("y",), ("x",)), ("x", "y")) == {"x": 2, "y": 1}
    assert check_class_labels(texts((), ("x", "y")), ("x", "y"), multi_label=True) == {"x": 1, "y": 1}
    with pytest.raises(UserError, match=r"f\.csv:3: the label 'z' does not occur in the training .* x, y;"):
        check_class_labels(texts(("x",), ("z",)), ("x", "y"))
    with pytest.raises(UserError, match=r"f\.csv:2: has 2 labels, but every text of the training data has one"):
        check_class_labels(texts(("x", "y")), ("x", "y"))
    with pytest.raises(UserError, match=r"which has 00, 01, .*09, \.\.\.;"):
        check_class_labels(texts(("z",)), [f"{number:02}" for number in range(20)])
