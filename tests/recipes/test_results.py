"""A disk that is full at the end of a run, or at its beginning, is one line, and earlier files stay."""

import json

import pytest

from recipes.skeleton.results import write_results, write_texts
from zoo.errors import UserError


def test_results_and_texts(tmp_path):
    write_results(tmp_path, {"split": "test"})
    write_texts(tmp_path / "texts.txt", ["one\ntwo", "", "drei"])
    assert json.loads((tmp_path / "results.json").read_text()) == {"split": "test"}
    assert (tmp_path / "texts.txt").read_text() == "one two\n\ndrei\n"


def test_a_full_disk_leaves_earlier_results(tmp_path, full_disk):
    for name, write in (
        ("results.json", lambda: write_results(tmp_path, {})),
        ("texts.txt", lambda: write_texts(tmp_path / "texts.txt", ["one"])),
    ):
        (tmp_path / name).write_text("earlier")
        with pytest.raises(UserError, match=rf"{name}: cannot write \(No space left on device\): free some space"):
            write()
        assert (tmp_path / name).read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json", "texts.txt"]
