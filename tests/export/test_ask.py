"""What `python -m export.ask` reads; `tests/test_readme.py` runs the command."""

import gzip
import json

import pytest

from export.ask import AskConfig, ask_in_batches, main, unpadded
from export.asked_rows import asked_rows, read_file
from zoo.errors import UserError

TEXTS = ["one\ntwo", "", "drei \u2028 vier"]


def read_texts(path, field=None):
    return [row["text"] for row in asked_rows(read_file(path), ("text",), field)]


def test_texts_of_several_lines_come_from_json_lines(tmp_path):
    rows = "".join(json.dumps({"dialogue": {"text": text}}) + "\n" for text in TEXTS)
    (tmp_path / "texts.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "texts.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    for name in ("texts.jsonl", "texts.jsonl.gz"):
        assert read_texts(tmp_path / name, "dialogue.text") == TEXTS
    with pytest.raises(UserError, match=r"texts\.jsonl:1: has no field 'text'; its fields are dialogue"):
        read_texts(tmp_path / "texts.jsonl")


def test_other_files_hold_a_text_a_line(tmp_path):
    (tmp_path / "texts.json").write_text('{"text": "a"}\n\nb\n', encoding="utf-8")
    (tmp_path / "texts.gz").write_bytes(gzip.compress(b"a\nb\n"))
    assert read_texts(tmp_path / "texts.json", "text") == ['{"text": "a"}', "", "b"]
    assert read_texts(tmp_path / "texts.gz", "text") == ["a", "b"]


def test_rows_end_after_their_count():
    entities = {"text": ["Rome", ""], "start": [3, 0], "score": [0.5, 0.0], "count": 1, "error": ""}
    assert unpadded(entities) == {"text": ["Rome"], "start": [3], "score": [0.5], "count": 1, "error": ""}
    blanks = {"tokens": [["a", "b"], ["", ""]], "scores": [[0.5, 0.1], [0.0, 0.0]], "count": 1}
    assert unpadded(blanks) == {"tokens": [["a", "b"]], "scores": [[0.5, 0.1]], "count": 1}
    # A classifier of several labels counts those of the text; the others come after them.
    labels = {"labels": ["x", "y"], "scores": [0.9, 0.0], "count": 1}
    assert unpadded(labels) == labels and unpadded({"text": "Hallo", "score": 1.0}) == {"text": "Hallo", "score": 1.0}


def test_controls_are_set_and_errors_are_said(exported, capsys, refused):
    """Over REST with the defaults of the other controls, over gRPC without them; blanks have the model's answer."""
    _, version = exported
    served = str(version.parent)
    main([served, "ABC DEF", "  ", "--set", "max_new_tokens=2"])
    shown = capsys.readouterr().out
    for protocol in ("REST", "gRPC"):
        answers = [
            json.loads(line.split(protocol)[1]) for line in shown.splitlines() if line.startswith(f"  {protocol} ")
        ]
        assert [answer["text"] for answer in answers] == ["ab", "  "] and [answer["error"] for answer in answers] == [
            "",
            "",
        ]
    with pytest.raises(SystemExit) as ended:
        main([served, "ABC", "--set", "max_new_tokens=0", "length_penalty=1"])
    assert ended.value.code == 1
    shown = capsys.readouterr()
    assert '"error": "max_new_tokens must be between 1 and 50"' in shown.out
    assert shown.err.endswith("1 of 1 rows have an error, the first: max_new_tokens must be between 1 and 50\n")
    for setting, message in (
        ("max_new_tokens=1.5", "--set: max_new_tokens must be an integer, got 1.5"),
        ("length_penalty=no", "--set: length_penalty must be a number, got 'no'"),
        ("beams=1", "--set: 'beams' is not a control of this model; it has length_penalty, max_new_tokens"),
    ):
        assert message in refused(main, [served, "ABC", "--set", setting])


def test_no_texts_are_answered_without_a_request():
    def asked(*arguments):
        raise AssertionError("a request was sent")

    rows, _ = ask_in_batches(asked, None, "model", [], AskConfig(serving_dir="serving", texts=("a",)))
    assert rows == []
