"""The command, in this process with a small task in place of `zoo.load`, and as a fresh process for its exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import export
import zoo
from export import export_command as command
from export import saved_model
from export.errors import VerificationError
from zoo.errors import UserError


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Runs the command and returns its exit status, standard output and standard error."""
    monkeypatch.setattr(zoo, "load", lambda directory, dtype, special_tokens_in_text: folder, raising=False)

    def run_command(*arguments):
        try:
            command.main([str(argument) for argument in arguments])
            status = 0
        except SystemExit as error:
            status = error.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


def test_publishes_and_says_how_to_serve(run, tmp_path, monkeypatch):
    # Checked in a process of its own, as users' exports are, and not in a fork of a server.
    monkeypatch.delenv("PARITY_SERVER", raising=False)
    parity_file = tmp_path / "lines.txt"
    parity_file.write_bytes(b"One line.\r\nGr\xfcn is latin-1.\n\nlast without line end")
    serving_directory = tmp_path / "serving" / "folder"
    status, out, _ = run(
        tmp_path, serving_directory, "--parity-file", parity_file, "--buckets", 4, 20, "--servers", "2.19", "2.20",
        "--max-batch-size", 2, "--version", 7,
    )  # fmt: skip
    assert status == 0
    assert f"published {serving_directory}/7: " in out
    assert (
        f"docker run -p 8501:8501 -p 8500:8500 -v {serving_directory}:/models/folder -e MODEL_NAME=folder "
        "tensorflow/serving:2.20.0"
    ) in out
    assert f"curl -d @{serving_directory}/request.json http://localhost:8501/v1/models/folder:predict" in out
    assert json.loads((serving_directory / "7/assets.extra/parity.json").read_text())["warm_up_records"] == 4
    instances = json.loads((serving_directory / "request.json").read_text())["instances"]
    assert instances == [{"text": "One line."}, {"text": "Gr\ufffdn is latin-1."}]


def test_settings_in_place_of_the_presets(run, tmp_path):
    status, _, _ = run(tmp_path, tmp_path / "serving", "--set", "max_source_length=12", "--max-batch-size", 2)
    assert status == 0
    report = json.loads((tmp_path / "serving/1/assets.extra/parity.json").read_text())
    # Buckets of 8 and 12 words, in two signatures.
    assert report["warm_up_records"] == 4
    for value, message in (
        ("num_beams=2", "CaseFolder has no setting 'num_beams'; its settings are max_source_length"),
        ("max_source_length=0", "max_source_length must be at least 1, got 0"),
        ("max_source_length=many", "impossible settings max_source_length='many'"),
        ("max_source_length", "--set: 'max_source_length' is not NAME=VALUE"),
    ):
        status, _, err = run(tmp_path, tmp_path / "other", "--set", value)
        assert status == 2 and message in err and not (tmp_path / "other").exists()


def test_failed_check_ends_in_status_1_with_the_examples(run, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise VerificationError("the SavedModel differs", ["served 'a', Python 'b'", "served 'c', Python 'd'"])

    monkeypatch.setattr(saved_model, "export_saved_model", fail)
    status, out, err = run(tmp_path, tmp_path / "serving")
    assert status == 1
    assert out == ""
    lines = [line.strip() for line in err.splitlines()]
    assert lines[-3:-1] == ["served 'a', Python 'b'", "served 'c', Python 'd'"]
    assert lines[-1] == "verification failed, nothing was published: the SavedModel differs"


def test_only_the_first_200_lines_are_compared(tmp_path):
    parity_file = tmp_path / "lines.txt"
    parity_file.write_text("".join(f"{number}\n" for number in range(300)))
    assert command.read_parity_texts(parity_file) == [str(number).encode() for number in range(200)]


def test_parity_file_problems_name_the_option(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.touch()
    for path in (empty, tmp_path / "missing.txt", tmp_path):
        with pytest.raises(UserError, match=rf"^--parity-file: .*{path.name}"):
            command.read_parity_texts(path)


def test_serving_directory_that_is_a_file(run, tmp_path):
    file = tmp_path / "serving"
    file.write_text("precious")
    status, out, err = run(tmp_path, file)
    assert (status, out) == (2, "")
    assert err.strip().splitlines()[-1] == (
        f"error: {file} is a file; the serving directory must be a directory, for example serving/translation"
    )
    assert file.read_text() == "precious"


def test_version_that_exists(run, tmp_path):
    (tmp_path / "serving" / "3").mkdir(parents=True)
    status, _, err = run(tmp_path, tmp_path / "serving", "--version", 3)
    assert status == 2
    assert "error: version" in err
    assert "never overwritten" in err


def test_missing_preset_in_a_fresh_process(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "export", str(tmp_path / "missing"), str(tmp_path / "serving")],
        cwd=Path(export.__file__).parent.parent,
        env={"PATH": "", "KERAS_BACKEND": "jax", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stdout == ""
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("error: ")]
    assert "missing" in line
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "serving").exists()
