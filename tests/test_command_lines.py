"""Mistakes in options end every command with status 2 before anything is done, and name what is wrong."""

import pytest

from export import ask, export_command
from recipes import summarization, translation
from zoo import convert, evaluate, predict

EXPORT, CONVERT = export_command.main, convert.main


@pytest.mark.parametrize(
    ("main", "arguments", "named"),
    [
        (EXPORT, [], ["PRESET_DIR", "SERVING_DIR"]),
        (EXPORT, ["preset"], ["SERVING_DIR"]),
        (EXPORT, ["preset", "serving", "more"], ["more"]),
        (EXPORT, ["preset", "serving", "--version", "x"], ["--version", "'x'"]),
        (EXPORT, ["preset", "serving", "--dtype", "int8"], ["--dtype", "'int8'", "bfloat16"]),
        (ask.main, [], ["SERVING_DIR"]),
        (CONVERT, [], ["SOURCE", "TARGET"]),
        (CONVERT, ["source", "target", "--to", "thing"], ["--to", "'thing'", "hugging-face"]),
        (predict.main, ["model"], ["INPUT"]),
        (predict.main, ["model", "-", "--backend", "mxnet"], ["--backend", "'mxnet'", "jax"]),
        (evaluate.main, ["model"], ["TEST_FILE"]),
        (translation.main, ["--nope", "3"], ["--nope"]),
        (translation.main, ["--size", "huge"], ["--size", "'huge'", "tiny"]),
        (translation.main, ["--variant", "nope"], ["--variant", "'nope'", "multi30k"]),
        (summarization.main, ["--total-steps", "many"], ["--total-steps", "'many'"]),
    ],
)
def test_mistakes_in_options(tmp_path, monkeypatch, capsys, main, arguments, named):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == "" and all(name in shown.err for name in named)
    assert list(tmp_path.iterdir()) == []
