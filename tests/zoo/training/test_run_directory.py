"""The configuration in a run's directory is whole or absent."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from zoo.errors import UserError
from zoo.training.run_directory import check_run_directory, claim_run_directory


@dataclass(frozen=True)
class Config:
    directory: Path
    seed: int = 1


def test_a_full_disk_leaves_a_directory_in_which_a_run_can_begin(tmp_path, full_disk, monkeypatch):
    config = Config(tmp_path / "run")
    expected = r"run.recipe\.json: cannot write \(No space left on device\): free some space or choose another --direc"
    with pytest.raises(UserError, match=expected):
        claim_run_directory(config, recipe="some")
    assert list(config.directory.iterdir()) == []
    monkeypatch.undo()
    claim_run_directory(config, recipe="some")
    assert check_run_directory(config, recipe="some")
    assert [path.name for path in config.directory.iterdir()] == ["recipe.json"]


def test_so_does_a_kill_while_the_configuration_is_written(tmp_path):
    (tmp_path / "recipe.json.partial").write_text('{"recipe": "so')
    claim_run_directory(Config(tmp_path), recipe="some")
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]
