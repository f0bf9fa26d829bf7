import json

import pytest

from zoo.data import JsonlSummaries
from zoo.data.readers.summaries import open_summaries
from zoo.errors import UserError

ROWS = [{"dialogue": "Hi.\nHo.", "a": "one", "more": {"b": "two"}}, {"dialogue": "x", "a": "", "more": {"b": "ß"}}]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_one_or_several_summaries(path):
    assert list(JsonlSummaries(path, "dialogue", "a")) == [("Hi.\nHo.", ("one",)), ("x", ("",))]
    found = list(JsonlSummaries(path, "dialogue", ("a", "more.b")))
    assert [each.summaries for each in found] == [("one", "two"), ("", "ß")]


def test_tables(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('\ufeffid;article;"high lights"\r\n1;"a;\r\nb";c\r\n', encoding="utf-8", newline="")
    assert list(open_summaries(path, "article", "high lights", ";")) == [("a;\nb", ("c",))]
    assert list(open_summaries(path, "1", ("2", "0"), ";")) == [("a;\nb", ("c", "1"))]
    with pytest.raises(UserError, match=r"a\.csv:1: column 'article' is not in .*: give --delimiter ';'"):
        open_summaries(path, "article", "high lights")


def test_turned_down(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "summary": "b", "answer": "ignore"}\n{"text": "c", "summary": "d"}\n')
    reader = open_summaries(path)
    assert list(reader) == [("c", ("d",))]
    assert reader.reading == f"{path}: 1 row marked answer ignore left out"


def test_bad_fields(path):
    with pytest.raises(UserError, match=r"a\.jsonl:1: has no field 'summary'"):
        list(JsonlSummaries(path, "dialogue"))
    with pytest.raises(UserError, match="named twice among a, a"):
        JsonlSummaries(path, "a", "a")
    with pytest.raises(UserError, match="name at least one"):
        JsonlSummaries(path, "a", ())
