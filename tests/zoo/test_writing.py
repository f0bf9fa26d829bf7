"""What keeps a file from being written is one line, and files are whole or as they were."""

from pathlib import Path

import pytest

from zoo.errors import UserError
from zoo.writing import write_whole, writing

FULL = Path("/dev/full")


def test_a_file_is_replaced(tmp_path):
    for content in (b"first", b"second"):
        write_whole(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, full_disk):
    (tmp_path / "file").write_bytes(b"first")
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"first")]


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_what_a_real_full_disk_says():
    expected = r"^/dev/full: cannot write \(No space left on device\): free some space .* from the last checkpoint$"
    with pytest.raises(UserError, match=expected), writing(FULL), FULL.open("w") as file:
        file.write("text")


def test_what_is_written_and_what_to_do_are_said(tmp_path):
    path = tmp_path / "none" / "file"
    with pytest.raises(UserError) as caught, writing(path, "choose another folder", "the model"):
        write_whole(path, b"")
    assert str(caught.value) == f"{path}: cannot write the model (No such file or directory): choose another folder"


def test_other_errors_are_those_that_are_named(tmp_path):
    class LibraryError(Exception):
        pass

    with pytest.raises(UserError, match=r"cannot write \(error 28\)"), writing(tmp_path, errors=(LibraryError,)):
        raise LibraryError("error 28")
    with pytest.raises(LibraryError), writing(tmp_path):
        raise LibraryError("a bug")
