import json

import pytest

from zoo.data import JsonlSummaries
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


def test_bad_fields(path):
    with pytest.raises(UserError, match=r"a\.jsonl:1: has no field 'summary'"):
        list(JsonlSummaries(path, "dialogue"))
    with pytest.raises(UserError, match="named twice among a, a"):
        JsonlSummaries(path, "a", "a")
    with pytest.raises(UserError, match="name at least one"):
        JsonlSummaries(path, "a", ())
