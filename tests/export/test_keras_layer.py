"""Exports as layers of Keras 3 and of tf_keras, by value against the SavedModel's own signatures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import served_layer, served_layer_objects
from zoo.errors import UserError

ROOT = Path(__file__).parents[2]
TEXTS = ["A Man rides.", "", "GRÜẞE aus Köln!"]


@pytest.fixture(scope="module")
def version(exported):
    _, directory = exported
    return directory


def expected(version, signature, **inputs):
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    outputs = tf.saved_model.load(str(version)).signatures[signature](**inputs)
    return {name: value.numpy().tolist() for name, value in outputs.items()}


def plain(outputs):
    return {name: np.asarray(value).tolist() for name, value in outputs.items()}


def test_a_functional_model_of_keras_3(version, tmp_path):
    text, tokens = keras.Input((), dtype="string", name="text"), keras.Input((), dtype="int32", name="most")
    layer = served_layer(version, "generate")
    outputs = layer({"text": text, "max_new_tokens": tokens})
    model = keras.Model([text, tokens], {"text": outputs["text"], "double": outputs["score"] * 2})
    found = plain(model([tf.constant(TEXTS), tf.constant([2, 3, 4])]))
    # What is left out, the penalty here, has the default of the export.
    wanted = expected(version, "generate", text=TEXTS, max_new_tokens=[2, 3, 4], length_penalty=np.float32([1.0]))
    assert found["text"] == wanted["text"] == [b"a ", b"", "grüs".encode()]
    assert found["double"] == pytest.approx([2 * score for score in wanted["score"]])
    assert layer.weights == []
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects=served_layer_objects())
    assert plain(again([tf.constant(TEXTS), tf.constant([2, 3, 4])])) == found


def test_keras_own_layer_takes_the_default_signature(version):
    layer = keras.layers.TFSMLayer(str(version), call_endpoint="serving_default")
    text = keras.Input((), dtype="string")
    found = plain(keras.Model(text, layer(text))(tf.constant(TEXTS)))
    assert found == expected(version, "serving_default", text=TEXTS) == plain(served_layer(version)(tf.constant(TEXTS)))


def test_what_is_refused(version, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no signature 'translate'; it has .*generate.*serving_default"):
        served_layer(version, "translate")
    with pytest.raises(UserError, match=r"holds no saved_model.pb"):
        served_layer(tmp_path)
    layer = served_layer(version, "generate")
    with pytest.raises(UserError, match=r"has no input 'tokens'; its inputs are"):
        layer({"text": tf.constant(["a"]), "tokens": tf.constant([1])})
    with pytest.raises(UserError, match=r"lacks its input 'text'"):
        layer({"max_new_tokens": tf.constant([1])})
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(UserError, match=r"install tensorflow-text"):
        served_layer(version)


GUIDE = (ROOT / "docs" / "keras-interoperability.md").read_text(encoding="utf-8")
PROGRAM = """
import sys
import tensorflow as tf
{documented}
assert tf_keras.__version__.startswith("2.") and tf.keras.layers.Layer is tf_keras.layers.Layer
inputs = [tf.constant(["A Man rides.", "", "GRÜẞE aus Köln!"]), tf.constant([2, 3, 4])]
print(model(inputs)["answer"].numpy().tolist())
model.save(sys.argv[1] + "/model.keras")
again = tf_keras.saving.load_model(sys.argv[1] + "/model.keras", custom_objects=export.served_layer_objects())
print(float(tf.reduce_max(tf.abs(again(inputs)["score"] - model(inputs)["score"]))))
print([name for name in ("keras", "zoo.layers") if name in sys.modules])
"""


def documented(first_line, version):
    """The program of the guide that begins with a line, for this export."""
    programs = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (program,) = [each for each in programs if each.startswith(first_line)]
    return program.replace("serving/translation/1", str(version))


def test_the_programs_of_the_guide(version):
    inputs = [tf.constant(TEXTS), tf.constant([2, 3, 4])]
    for first_line, given, name in (
        ("import keras\nimport export\n", inputs, "answer"),
        ("import keras\nimport tensorflow_text\n", inputs[0], "text"),
    ):
        names = {}
        exec(documented(first_line, version), names)
        wanted = (
            [b"a ", b"", "grüs".encode()] if name == "answer" else [b"a man rides.", b"", "grüsse aus köln!".encode()]
        )
        assert plain(names["model"](given))[name] == wanted


def test_a_functional_model_of_tf_keras_in_a_process_of_its_own(version, tmp_path):
    pytest.importorskip("tf_keras")
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("KERAS_BACKEND", None)
    program = PROGRAM.format(documented=documented("import tf_keras\n", version))
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    texts, difference, imported = done.stdout.splitlines()
    assert (texts, float(difference)) == (str([b"a ", b"", "grüs".encode()]), 0.0)
    assert imported == "[]"
