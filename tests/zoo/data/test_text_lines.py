import gzip
import os

import pytest

from zoo.data.readers.text_lines import MAX_LINE_BYTES, TextLines
from zoo.errors import UserError


def lines_of(path, data):
    path.write_bytes(data)
    return list(TextLines(path))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"\n\na\n", ["", "", "a"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\r\nb\r\r\nc\r", ["a", "b", "c"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        ("gr\u00fc\u00df \U0001f600\n".encode(), ["gr\u00fc\u00df \U0001f600"]),
    ],
)
def test_line_ends_and_byte_order_mark(tmp_path, data, expected):
    assert lines_of(tmp_path / "a.txt", data) == expected


def test_only_newline_ends_a_line(tmp_path):
    text = "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i"
    assert len(text.splitlines()) == 9
    assert lines_of(tmp_path / "a.txt", f"{text}\nnext\n".encode()) == [text, "next"]


@pytest.mark.parametrize("name", ["a.gz", "a.txt"])
def test_gzip_by_content_and_again(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    lines = TextLines(path)
    assert list(lines) == list(lines) == ["one", "two"]


def test_missing_directory_empty_and_pipe(tmp_path):
    with pytest.raises(UserError, match=r"absent\.txt: no such file"):
        TextLines(tmp_path / "absent.txt")
    with pytest.raises(UserError, match="is a directory"):
        TextLines(tmp_path)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(UserError, match=r"empty\.txt: the file is empty"):
        TextLines(tmp_path / "empty.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="not a regular file"):
        TextLines(tmp_path / "pipe")


def test_empty_gzip_is_an_empty_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(UserError, match=r"a\.gz: the file is empty"):
        list(TextLines(path))


def test_invalid_utf8_names_file_and_line(tmp_path):
    with pytest.raises(UserError, match=r"a\.txt:3: not valid UTF-8 at byte 2 of the line"):
        lines_of(tmp_path / "a.txt", b"a\nb\nc\xff\nd\n")
    with pytest.raises(UserError, match=r"a\.txt:1: UTF-16, not UTF-8"):
        lines_of(tmp_path / "a.txt", "text\n".encode("utf-16"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\nb\rc\n", r"a\.txt:2: has a carriage return inside of a line"),
        (
            b"one\rtwo\r",
            r"a\.txt:1: has a carriage return inside of a line, .* line ends of Unix or Windows, or remove",
        ),
        (b"a\nb\0\n", r"a\.txt:2: has a NUL character; convert the file to UTF-8 if it is UTF-16"),
        ("text\n".encode("utf-16-le"), r"a\.txt:1: has a NUL character; convert the file"),
    ],
)
def test_characters_that_programs_read_in_two_ways(tmp_path, data, message):
    with pytest.raises(UserError, match=message):
        lines_of(tmp_path / "a.txt", data)


def test_returns_that_are_allowed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\rb\r\r\nc")
    assert list(TextLines(path).lines(allow_returns=True)) == ["a\rb", "c"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"PK\x03\x04....", "zip archive, or a workbook"), (b"PAR1....", "a Parquet file"), (b"BZh91AY", "bzip2")],
)
def test_other_kinds_of_files(tmp_path, data, kind):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"a\.txt: is .*{kind}.*; unpack or save it as text"):
        TextLines(path)


def test_lines_before_the_fault_are_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\nb\n\x80\n")
    iterator = iter(TextLines(path))
    assert [next(iterator), next(iterator)] == ["a", "b"]


def test_truncated_and_damaged_gzip(tmp_path):
    path = tmp_path / "a.txt.gz"
    data = gzip.compress(os.urandom(20_000).hex().encode() + b"\n")
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"a\.txt\.gz: the gzip data ends early"):
        list(TextLines(path))
    path.write_bytes(data[:-8] + b"\0\0\0\0" + data[-4:])
    with pytest.raises(UserError, match=r"a\.txt\.gz: the gzip data is damaged"):
        list(TextLines(path))
    path.write_bytes(data[:2000] + bytes(64) + data[2064:])
    with pytest.raises(UserError, match=r"a\.txt\.gz: the gzip data is damaged"):
        list(TextLines(path))
    path.write_bytes(b"plain\n")
    with pytest.raises(UserError, match=r"named \.gz but is not gzip"):
        TextLines(path)


def test_endless_line_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.write(b"short\n")
        file.truncate(MAX_LINE_BYTES * 2)
    with pytest.raises(UserError, match=r"a\.txt:2: line longer than"):
        list(TextLines(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n")
    path.chmod(0)
    with pytest.raises(UserError, match=r"a\.txt: cannot be read"):
        TextLines(path)
