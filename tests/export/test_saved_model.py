import hashlib
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
from export.errors import VerificationError
from export.saved_model import export_saved_model
from export.signatures import ServedTask, build_signatures
from zoo.errors import UserError

_ASK = """
import sys
sys.modules["zoo"] = sys.modules["export"] = None
import tensorflow as tf, tensorflow_text
sys.modules["keras"] = None
import json
model = tf.saved_model.load(sys.argv[1])
outputs = model.signatures["generate"](
    text=tf.constant([b"ABC \\xff", b"GR\\xc3\\x9cN"]), max_new_tokens=tf.constant([50, 2]),
    length_penalty=tf.constant([1.0, 3.0]))
print(json.dumps([[text.decode() for text in outputs["text"].numpy()], outputs["score"].numpy().tolist()]))
"""


def _hashes(directory):
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_version_holds_model_warm_up_and_report(exported):
    _, directory = exported
    assert directory.name == "1"
    names = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert {"saved_model.pb", "assets.extra/tf_serving_warmup_requests", "assets.extra/parity.json"} <= names
    beside = {path.name for path in directory.parent.iterdir()}
    assert beside == {
        "1",
        "models.config",
        "batching_params.pbtxt",
        "compose.yaml",
        "serving.md",
        "request.json",
        "request_columns.json",
        "request_generate.json",
    }
    report = json.loads((directory / "assets.extra" / "parity.json").read_text())
    assert report["warm_up_records"] == 6
    assert report["rows"] > 50
    assert report["servers"][0] == "2.11"


def test_moved_version_answers_as_python_in_a_process_without_zoo(exported, tmp_path):
    task, directory = exported
    moved = tmp_path / "elsewhere"
    shutil.copytree(directory, moved)
    finished = subprocess.run(
        [sys.executable, "-c", _ASK, str(moved)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    texts, scores = json.loads(finished.stdout)
    expected = task.predict_batch(
        tf.constant([b"ABC \xff", "GRÜN".encode()]),
        max_new_tokens=tf.constant([50, 2]),
        length_penalty=tf.constant([1.0, 3.0]),
    )
    assert texts == ["abc \ufffd", "gr"]
    assert texts == [text.decode() for text in expected["text"].numpy()]
    np.testing.assert_allclose(scores, expected["score"].numpy(), rtol=1e-6)


def test_keras_layer_runs_the_version(exported):
    _, directory = exported
    layer = keras.layers.TFSMLayer(str(directory), call_endpoint="serving_default")
    assert layer(tf.constant(["ABC"]))["text"].numpy().tolist() == [b"abc"]


def test_next_version_leaves_the_first_as_it_was(exported, tmp_path):
    task, directory = exported
    serving_directory = tmp_path / "folder"
    shutil.copytree(directory.parent, serving_directory)
    before = _hashes(serving_directory / "1")
    second = export.export_saved_model(task, serving_directory, parity_texts=[b"A"], buckets=[4], servers=("2.11",))
    assert second == serving_directory / "2"
    assert _hashes(serving_directory / "1") == before
    assert not [path for path in serving_directory.iterdir() if path.name.startswith(".")]


def test_failed_check_publishes_nothing(folder, tmp_path, monkeypatch):
    # What is written comes from another task, whose scores differ by one percent.
    other = type(folder)()
    other.model.set_weights([weight * 1.01 for weight in folder.model.get_weights()])
    monkeypatch.setattr("export.saved_model.ServedTask", lambda task: ServedTask(other))
    monkeypatch.setattr("export.saved_model.build_signatures", lambda task, form: build_signatures(other, form))
    with pytest.raises(VerificationError, match="does not do what Python does") as caught:
        export_saved_model(folder, tmp_path / "serving" / "folder", buckets=[4])
    assert "serving_default('A man rides a horse.'), row 0 of 5: served {" in caught.value.details[0]
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fills_up_leaves_nothing(folder, tmp_path, file_size_limit):
    serving_directory = tmp_path / "serving"
    with pytest.raises(UserError, match=r"cannot write to .*nothing was published") as caught, file_size_limit(2048):
        export_saved_model(folder, serving_directory, buckets=[4])
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({"buckets": [0]}, "--buckets: "),
        ({"buckets": [21]}, "--buckets: "),
        ({"buckets": []}, "--buckets: "),
        ({"servers": ("1.15",)}, "--servers: "),
        ({"max_batch_size": 0}, "--max-batch-size: "),
        ({"version": 0}, "--version: "),
        ({"name": "a/b"}, "--name: "),
        ({"parity_texts": []}, "parity_texts is empty"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(folder, tmp_path, options, start):
    with pytest.raises(UserError, match=f"^{start}"):
        export_saved_model(folder, tmp_path / "serving", **options)
    assert list(tmp_path.iterdir()) == []


def test_other_backends_are_told_what_to_do(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match=r"'jax'.*python -m export"):
        export_saved_model(folder, tmp_path / "serving")
