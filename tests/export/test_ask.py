"""What `python -m export.ask` reads; `tests/test_readme.py` runs the command."""

import gzip
import json

import pytest

from export.ask import read_texts
from zoo.errors import UserError

TEXTS = ["one\ntwo", "", "drei \u2028 vier"]


def test_texts_of_several_lines_come_from_json_lines(tmp_path):
    rows = "".join(json.dumps({"dialogue": {"text": text}}) + "\n" for text in TEXTS)
    (tmp_path / "texts.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "texts.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    for name in ("texts.jsonl", "texts.jsonl.gz"):
        assert read_texts(tmp_path / name, "dialogue.text") == TEXTS
    with pytest.raises(UserError, match=r"texts\.jsonl:1: has no field 'text'; its fields are dialogue"):
        read_texts(tmp_path / "texts.jsonl", "text")


def test_other_files_hold_a_text_a_line(tmp_path):
    (tmp_path / "texts.json").write_text('{"text": "a"}\n\nb\n', encoding="utf-8")
    (tmp_path / "texts.gz").write_bytes(gzip.compress(b"a\nb\n"))
    assert read_texts(tmp_path / "texts.json", "text") == ['{"text": "a"}', "", "b"]
    assert read_texts(tmp_path / "texts.gz", "text") == ["a", "b"]
