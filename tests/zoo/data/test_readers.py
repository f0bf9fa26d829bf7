import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.readers.text_pairs import JsonlText, ParallelText, TableText, open_pairs
from zoo.errors import UserError

PAIRS = [("A man.", "Ein Mann."), ("Two dogs\u2028run.", "Zwei Hunde\x0c laufen.")]


def write(path, text):
    path.write_bytes(text.encode("utf-8"))
    return path


def parallel(tmp_path, source, target):
    return ParallelText(write(tmp_path / "a.en", source), write(tmp_path / "a.de", target))


def test_parallel_text_reads_again(tmp_path):
    pairs = parallel(tmp_path, "".join(f"{a}\n" for a, _ in PAIRS), "".join(f"{b}\r\n" for _, b in PAIRS))
    assert list(pairs) == PAIRS
    assert list(pairs) == PAIRS


# Surrogates have no UTF-8, carriage returns and NUL are refused, and "\ufeff" at the start is a mark.
any_line = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12).filter(
    lambda text: not text.startswith("\ufeff")
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(any_line, any_line), min_size=1, max_size=8))
def test_parallel_text_keeps_any_characters_aligned(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("pairs")
    pairs = parallel(folder, "".join(f"{a}\n" for a, _ in rows), "".join(f"{b}\n" for _, b in rows))
    assert list(pairs) == rows


@pytest.mark.parametrize(("source", "target", "counts"), [("a\n" * 3, "b\n" * 5, (3, 5)), ("a\n" * 4, "b", (4, 1))])
def test_unequal_line_counts_say_both(tmp_path, source, target, counts):
    with pytest.raises(UserError, match=rf"a\.en has {counts[0]} lines but .*a\.de has {counts[1]}"):
        list(parallel(tmp_path, source, target))


def test_examples_are_found_in_their_files(tmp_path):
    """Example n is line n; of what the sentence leaves out, the file has some."""
    rows = [("a", "b"), ("", "c"), ("d", "e")]
    pairs = parallel(tmp_path, "".join(f"{a}\n" for a, _ in rows), "".join(f"{b}\n" for _, b in rows))
    assert list(pairs) == rows and pairs.examples_are == f"lines of {tmp_path / 'a.en'} and {tmp_path / 'a.de'}"
    tsv = write(tmp_path / "a.tsv", "en\tde\na\tb\n\nd\te\n")
    named = TableText(tsv, source="en", target="de")
    assert list(named) == rows[::2] and named.examples_are == f"lines of {tsv}, the header and empty ones not counted"
    assert TableText(tsv).examples_are == f"lines of {tsv}, empty ones not counted"
    jsonl = write(tmp_path / "a.jsonl", '{"source": "a", "target": "b"}\n\n{"source": "d", "target": "e"}\n')
    assert list(JsonlText(jsonl)) == rows[::2]
    assert JsonlText(jsonl).examples_are == f"lines of {jsonl}, empty ones and those left out not counted"


def test_parallel_text_with_the_same_file_twice(tmp_path):
    path = write(tmp_path / "a.en", "a\n")
    with pytest.raises(UserError, match="given as source and as target"):
        ParallelText(path, path)


def test_parallel_text_streams(tmp_path):
    count = 100_000
    pairs = parallel(tmp_path, "some source text here\n" * count, "some target text here\n" * count)
    tracemalloc.start()
    try:
        assert sum(1 for _ in pairs) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000 < pairs.source.path.stat().st_size


def test_tsv_by_index_and_by_name(tmp_path):
    path = write(tmp_path / "a.tsv", 'id\tde\ten\n1\tEin "Mann\tA "man\n\n2\tHund\tDog\n')
    expected = [('A "man', 'Ein "Mann'), ("Dog", "Hund")]
    assert list(TableText(path, source="en", target="de")) == expected
    assert list(TableText(path, source=2, target="de")) == expected
    assert list(TableText(path, source=2, target=1, has_header=True)) == expected
    assert next(iter(TableText(path, source=2, target=1))) == ("en", "de")
    reader = TableText(path, source="en", target="de")
    assert list(reader) == list(reader)


def test_tsv_mistakes(tmp_path):
    path = write(tmp_path / "a.tsv", "en\tde\ten\nx\ty\tz\nonly\n")
    with pytest.raises(UserError, match=r"a\.tsv:1: column 'fr' is not in the header, which has en, de, en"):
        TableText(path, source="fr", target="de")
    with pytest.raises(UserError, match=r"a\.tsv:1: column 'en' is twice in the header"):
        TableText(path, source="de", target="en")
    with pytest.raises(UserError, match=r"a\.tsv:3: has 1 column but line 1 has 3; is it parted by other"):
        list(TableText(path))
    with pytest.raises(UserError, match="same column"):
        TableText(path, source=1, target=1)
    with pytest.raises(UserError, match="same column"):
        TableText(path, source=1, target="de")
    with pytest.raises(UserError, match="negative"):
        TableText(path, source=-1)
    with pytest.raises(UserError, match="needs a header"):
        TableText(path, source="de", target=0, has_header=False)


def test_pairs_of_csv(tmp_path):
    text = 'id;source;target\r\n1;"a; ""b""\r\nc";x\r\n2;d;y\r\n'
    expected = [('a; "b"\nc', "x"), ("d", "y")]
    path = write(tmp_path / "a.csv", text)
    # The usual names of the columns are found, others given; a number is a position.
    assert list(open_pairs(path, delimiter=";")) == expected
    assert list(open_pairs(path, "target", "source", ";")) == [pair[::-1] for pair in expected]
    assert open_pairs(path, delimiter=";").examples_are == f"rows of {path}, the header and empty ones not counted"
    plain = write(tmp_path / "b.csv", "a,b,0.5\nc,d,0.7\n")
    assert list(open_pairs(plain, "1", "0")) == [("b", "a"), ("d", "c")]
    with pytest.raises(UserError, match=r"a\.csv:1: column 'en' is not in the header, which has id;source;target"):
        open_pairs(path, "en", "target")
    with pytest.raises(UserError, match=r"a\.csv:1: column 'source' is not .*; parted by ';' .*: give --delimiter ';'"):
        open_pairs(path, "source", "target")
    with pytest.raises(UserError, match=r"a\.csv:1: has 1 column, but column 1 .*; parted by ';' it would have"):
        open_pairs(path)
    with pytest.raises(UserError, match=r"b\.csv:2: has 3 columns but line 1 has 2; put fields that hold ','"):
        list(open_pairs(write(tmp_path / "b.csv", "a,b\nc,d,e\n")))
    with pytest.raises(UserError, match=r"a\.xlsx: the name must end in"):
        open_pairs(write(tmp_path / "a.xlsx", "a,b\n"))


def test_quoted_tsv(tmp_path):
    """Marks of a .tsv file are text, unless doubled ones say that the file is quoted."""
    assert list(open_pairs(write(tmp_path / "a.tsv", '"Hi!"\t"Hallo!"\n'))) == [('"Hi!"', '"Hallo!"')]
    path = write(tmp_path / "b.tsv", 'x\ty\n"He said ""hi"""\tz\n')
    with pytest.raises(
        UserError, match=r"b\.tsv:2: has a field in quotation marks with doubled ones .*--delimiter tab"
    ):
        list(open_pairs(path))
    assert list(open_pairs(path, delimiter="tab")) == [("x", "y"), ('He said "hi"', "z")]


def test_rows_that_the_annotator_turned_down(tmp_path):
    rows = [{"source": a, "target": b, "answer": "reject" if a == "c" else "accept"} for a, b in ("ab", "cd")]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    reader = open_pairs(path)
    assert list(reader) == [("a", "b")]
    assert reader.reading == f"{path}: 1 row marked answer reject left out"
    assert list(open_pairs(path, "source", "answer")) == [("a", "accept"), ("c", "reject")]


def test_jsonl_fields(tmp_path):
    rows = [{"source": a, "target": b, "id": 1} for a, b in PAIRS]
    path = write(tmp_path / "a.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert list(JsonlText(path)) == PAIRS
    nested = [{"translation": {"en": a}, "translation.de": b} for a, b in PAIRS]
    path = write(tmp_path / "b.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in nested))
    assert list(JsonlText(path, source="translation.en", target="translation.de")) == PAIRS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"source": "a", "target": ', r"a\.jsonl:2: not valid JSON"),
        ("[" * 100_000, r"a\.jsonl:2: not valid JSON"),
        ('["a", "b"]', r"a\.jsonl:2: must be a JSON object with named fields, not a list"),
        ('{"source": "a", "targets": "b"}', r"a\.jsonl:2: has no field 'target'; its fields are source, targets"),
        ('{"source": "a", "target": null}', r"a\.jsonl:2: field 'target' must be text, not null"),
        ('{"source": 7, "target": "b"}', r"a\.jsonl:2: field 'source' must be text, not a number"),
        (
            '{"source": "a", "target": "b", "target": "c"}',
            r"a\.jsonl:2: not valid JSON \(the field 'target' is there twice",
        ),
        ('{"source": "a", "target": NaN}', r"a\.jsonl:2: not valid JSON \(NaN is no JSON number\)"),
        ('{"source": "a", "target": "b\\u0000"}', r"a\.jsonl:2: field 'target' holds a NUL character"),
        ('{"source": "a", "target": "b"} {}', r"a\.jsonl:2: not valid JSON .*; write one object a line \(jq -c"),
        ('{"source": "a", "target": "\\ud83d"}', r"a\.jsonl:2: field 'target' holds half of a surrogate pair"),
    ],
)
def test_jsonl_mistakes(tmp_path, line, message):
    path = write(tmp_path / "a.jsonl", '{"source": "a", "target": "b"}\n' + line + "\n")
    with pytest.raises(UserError, match=message) as caught:
        list(JsonlText(path))
    assert "\n" not in str(caught.value)


def test_jsonl_same_field(tmp_path):
    with pytest.raises(UserError, match="same field"):
        JsonlText(write(tmp_path / "a.jsonl", "{}"), source="text", target="text")
