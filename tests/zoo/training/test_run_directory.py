"""The configuration in a run's directory is whole or absent."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from zoo.errors import UserError
from zoo.training.runs.run_directory import check_run_directory, claim_run_directory, release_run_directory, saved_form


@dataclass(frozen=True)
class Config:
    directory: Path
    seed: int = 1
    sizes: tuple[int, ...] = (1, 2)
    dry_run: bool = field(default=False, metadata={"saved": False})


def test_a_full_disk_leaves_a_directory_in_which_a_run_can_begin(tmp_path, full_disk, monkeypatch):
    config = Config(tmp_path / "run")
    expected = r"run.recipe\.json: cannot write \(No space left on device\): free some space or choose another --direc"
    with pytest.raises(UserError, match=expected):
        claim_run_directory(config, recipe="some")
    assert not config.directory.exists()
    monkeypatch.undo()
    claim_run_directory(config, recipe="some")
    assert check_run_directory(config, recipe="some")
    assert [path.name for path in config.directory.iterdir()] == ["recipe.json"]


def test_so_does_a_kill_while_the_configuration_is_written(tmp_path):
    (tmp_path / "recipe.json.partial").write_text('{"recipe": "so')
    claim_run_directory(Config(tmp_path), recipe="some")
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]


def test_what_a_command_does_is_no_part_of_the_run(tmp_path):
    config = Config(tmp_path, dry_run=True)
    assert saved_form(config) == {"directory": str(tmp_path), "seed": 1, "sizes": [1, 2]}
    claim_run_directory(config, recipe="some")
    assert check_run_directory(Config(tmp_path), recipe="some")


def test_a_directory_in_which_nothing_was_trained_may_be_taken_with_other_options(tmp_path):
    """As a process leaves it that was killed before its first update."""
    config = Config(tmp_path / "run")
    assert claim_run_directory(config, recipe="some") and not claim_run_directory(config, recipe="some")
    (config.directory / "tokenizer").mkdir()
    (config.directory / "tokenizer" / "vocab.txt").write_text("of seed 1")
    (config.directory / "history.jsonl").write_text("")
    other = replace(config, seed=2)
    assert not check_run_directory(other, recipe="some") and (config.directory / "tokenizer").is_dir()
    assert claim_run_directory(other, recipe="some")
    assert [path.name for path in config.directory.iterdir()] == ["recipe.json"]
    for name in ("history.jsonl", "notes.txt"):
        (config.directory / name).write_text("of updates\n")
        with pytest.raises(UserError, match="holds a run with seed 2 instead of 1"):
            claim_run_directory(config, recipe="some")
        (config.directory / name).unlink()


def test_a_claim_is_taken_back_where_nothing_was_trained(tmp_path):
    config = Config(tmp_path / "run")
    claim_run_directory(config, recipe="some")
    checkpoint = config.directory / "checkpoints" / "checkpoint-00000005"
    checkpoint.mkdir(parents=True)
    release_run_directory(config)
    assert (config.directory / "recipe.json").is_file()
    checkpoint.rmdir()
    (config.directory / "history.jsonl").write_text("{}\n")
    release_run_directory(config)
    assert not config.directory.exists()
