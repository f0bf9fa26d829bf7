import gzip

import pytest

from zoo.data.readers.text_documents import TextDocuments
from zoo.errors import UserError


def test_blank_lines_and_ends_of_files_part_documents(tmp_path):
    (tmp_path / "a.txt").write_text("\n\n one \ntwo\r\n \t\n\nthree", encoding="utf-8")
    (tmp_path / "b.gz").write_bytes(gzip.compress("vier\nfünf\n\n".encode()))
    documents = TextDocuments([tmp_path / "a.txt", tmp_path / "b.gz"])
    expected = [["one", "two"], ["three"], ["vier", "fünf"]]
    assert list(documents) == list(documents) == expected
    assert list(documents.lines()) == [line for document in expected for line in document]
    assert documents.name == f"{tmp_path / 'a.txt'} and 1 more file"
    assert list(TextDocuments(tmp_path / "b.gz")) == expected[2:]


def test_json_lines(tmp_path):
    """Each object is a document, whatever blank lines its text has."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one\\n\\n two"}\n\n{"text": ""}\n{"text": "three"}\n')
    assert list(TextDocuments(path)) == [["one", "two"], ["three"]]
    with pytest.raises(UserError, match=r"a\.tsv: is a table by its name"):
        TextDocuments(tmp_path / "a.tsv")


def test_mistakes_name_file_and_line(tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"good\n\nb\xffd\n")
    with pytest.raises(UserError, match=r"bad.txt:3: not valid UTF-8 at byte 2"):
        list(TextDocuments(tmp_path / "bad.txt"))
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"blank.txt: has no text, only blank lines"):
        list(TextDocuments(tmp_path / "blank.txt"))
    with pytest.raises(UserError, match=r"missing.txt: no such file"):
        TextDocuments([tmp_path / "bad.txt", tmp_path / "missing.txt"])
    with pytest.raises(UserError, match=r"bad.txt: is given twice"):
        TextDocuments([tmp_path / "bad.txt", tmp_path / "." / "bad.txt"])
    with pytest.raises(UserError, match="there is no text file"):
        TextDocuments([])
