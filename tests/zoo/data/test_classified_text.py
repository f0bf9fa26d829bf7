import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.classified_text import (
    ClassifiedText,
    CsvClasses,
    JsonlClasses,
    TsvClasses,
    check_class_labels,
    class_labels,
    hold_out,
)
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
    path = write(tmp_path / "b.csv", "text,x,y\na,1,1\nb,0,0\nc, 0,1\n")
    assert read(CsvClasses(path, "text", ["x", "y"])) == expected
    rows = [{"t": "a", "l": ["x", "y"]}, {"t": "b", "l": []}, {"t": "c", "l": "y"}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    assert read(JsonlClasses(path, "t", "l")) == expected


def test_jsonl_with_nested_fields_and_numbers(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"data": {"text": "a"}, "label": 3}\n')
    assert read(JsonlClasses(path, "data.text")) == [("a", ("3",))]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("text,label\na,x\nb\n", {}, r"a\.csv:3: has 1 columns, but column 1 "),
        ("text,label\na,x\n", {"label": "class"}, r"a\.csv:1: column 'class' is not in the header, which has text, l"),
        ("text,text,label\na,x,y\n", {}, "column 'text' is twice"),
        ("text,label\na,x\nb, \n", {}, r"a\.csv:3: the label is empty"),
        ('text,label\na,x\n"b,y\nc,x\n', {}, r"a\.csv:3: the record that begins here is not CSV .* mark not closed"),
        (b"text,label\n\xff,x\n", {}, r"a\.csv:2: not valid UTF-8"),
        ("text,label\n", {}, "has no text"),
        ("text,label\na,x;x\n", {"label_separator": ";"}, r"a\.csv:2: has the label 'x' twice"),
        ("text,label\na,2\n", {"label": ["label"]}, r"a\.csv:2: column 'label' must be 0 or 1, not '2'"),
        ("a,x\n", {"text": 0, "label": "label", "has_header": False}, "needs a header"),
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


def test_hold_out():
    all_texts = texts(*([("x",)] * 40 + [("y",)] * 10 + [("z",)] * 4 + [("w",)]))
    training, validation = hold_out(all_texts, 0.2)
    assert [sum(text.labels == (label,) for text in validation) for label in "xyzw"] == [8, 2, 0, 0]
    assert sorted(training + validation, key=lambda text: int(text.text)) == all_texts
    assert [int(text.text) - 1 for text in validation if text.labels == ("x",)] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert len(hold_out(texts(("x",), ("x",)), 0.9)[0]) == 1
    with pytest.raises(UserError, match="between 0 and 1"):
        hold_out(all_texts, 1)
