import gzip
import json

import pytest

from zoo.data import ExactDocuments
from zoo.errors import UserError

TEXT = "  First line\r\nsecond\u2028\u0085 line \n\n\n\tthird\x0c\rline\n"


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_is_one_document_to_the_last_byte(tmp_path):
    plain, packed = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    write(plain, TEXT)
    write(packed, gzip.compress(b"\xef\xbb\xbf" + TEXT.encode()))
    documents = ExactDocuments([plain, packed])
    assert list(documents) == list(documents) == [TEXT, TEXT]
    assert documents.name == f"{plain} and 1 more file"


@pytest.mark.parametrize(
    ("text", "separator", "expected"),
    [
        ("a\nb\n\nc\n\n\n\nd", "\n\n", ["a\nb", "c", "d"]),
        ("one <|endoftext|>\ntwo\nlines\n<|endoftext|>\n", "<|endoftext|>", ["one ", "two\nlines"]),
        ("x<|endoftext|> y<|endoftext|><|endoftext|>z", "<|endoftext|>", ["x", " y", "z"]),
        ("a\n---\nb\n--\n-\n---\n", "\n---\n", ["a", "b\n--\n-"]),
        ("no separator\n", "===", ["no separator"]),
        ("a\r\nb\r\n", "\r\n", ["a", "b"]),
        ("a\r\nb\r\n\r\nc\r\n\r\n\n\nd", "\n\n", ["a\r\nb", "c", "d"]),
        ("a\r\n---\r\nb\n---\r\nc", "\n---\n", ["a", "b", "c"]),
    ],
)
def test_separators(tmp_path, text, separator, expected):
    assert list(ExactDocuments(write(tmp_path / "a.txt", text), separator)) == expected


def test_json_lines(tmp_path):
    rows = [{"text": TEXT, "meta": {"body": "b1"}}, {"text": "x", "meta": {"body": "b2"}}]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert list(ExactDocuments(path)) == [TEXT, "x"]
    assert list(ExactDocuments(path, field="meta.body")) == ["b1", "b2"]
    with pytest.raises(UserError, match=r"a\.jsonl:1: has no field 'body'; its fields are text, meta"):
        list(ExactDocuments(path, field="body"))


def test_bad_files(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        ExactDocuments(tmp_path / "absent.txt")
    with pytest.raises(UserError, match="name at least one"):
        ExactDocuments([])
    for name, kind in (("a.csv.gz", "a table"), ("a.json", "JSON")):
        with pytest.raises(UserError, match=rf"{name}: is {kind} by its name; write its texts to"):
            ExactDocuments(tmp_path / name)
    good = write(tmp_path / "a.txt", "a")
    with pytest.raises(UserError, match="is given twice"):
        ExactDocuments([good, good])
    with pytest.raises(UserError, match="separator of documents is empty"):
        ExactDocuments(good, "")
    with pytest.raises(UserError, match=r"b\.txt:2: not valid UTF-8 at byte 2"):
        list(ExactDocuments(write(tmp_path / "b.txt", b"a\nb\xff\n")))
    with pytest.raises(UserError, match=r"c\.txt: has no text"):
        list(ExactDocuments(write(tmp_path / "c.txt", "---\n---\n"), "---\n"))
