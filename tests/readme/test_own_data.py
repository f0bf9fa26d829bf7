"""The README's commands that train translators on own data, in parts, and not at all."""

from readme_commands import find, run_and_read_standard_error, run_module, write_pairs


def test_own_data(tmp_path):
    write_pairs(tmp_path)
    output = run_module(find("recipes.translation", "runs/mine"), tmp_path)
    assert "validation: 20 sentences" in output


def test_devices_are_shown_before_a_run(tmp_path):
    """And the vocabulary that is made for that says nothing on standard error."""
    output = run_and_read_standard_error(find("recipes.translation", "--dry-run"), tmp_path)
    assert "devices" in output and "4, " in output and not (tmp_path / "runs/dry/checkpoints").exists()


def test_a_batch_is_trained_on_in_parts(tmp_path):
    run_module(find("recipes.translation", "--accumulate-steps"), tmp_path)
    assert (tmp_path / "runs/parts/results.json").is_file()
