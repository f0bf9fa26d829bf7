import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from export.signatures import ServedTask, build_signatures


def _specs(signature):
    _, inputs = signature.structured_input_signature
    return {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in inputs.items()}


def test_inputs_are_named_vectors_and_outputs_are_named(folder, tmp_path):
    signatures = build_signatures(folder)
    assert set(signatures) == {"serving_default", "generate"}
    tf.saved_model.save(ServedTask(folder), str(tmp_path / "model"), signatures=signatures)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert _specs(loaded.signatures["serving_default"]) == {"text": ("string", [None])}
    assert _specs(loaded.signatures["generate"]) == {
        "text": ("string", [None]),
        "max_new_tokens": ("int32", [None]),
        "length_penalty": ("float32", [None]),
    }
    for signature in loaded.signatures.values():
        assert {name: spec.dtype for name, spec in signature.structured_outputs.items()} == {
            "text": tf.string,
            "score": tf.float32,
        }
    result = loaded.signatures["generate"](
        text=tf.constant(["ABC", "DEF"]), max_new_tokens=tf.constant([1, 2]), length_penalty=tf.constant([1.0, 2.0])
    )
    assert result["text"].numpy().tolist() == [b"a", b"de"]
    # A Keras model's score, from nothing but its variables.
    expected = np.array([[1, 1.0], [2, 2.0]], np.float32) @ folder.model.layers[-1].kernel.numpy()
    np.testing.assert_allclose(result["score"].numpy(), expected[:, 0], rtol=1e-6)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_controls_of_another_length_are_refused_by_name(folder, count):
    generate = build_signatures(folder)["generate"]
    texts = tf.constant(["a", "b", "c"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="length_penalty must hold one value per text or one for"):
        generate(text=texts, max_new_tokens=tf.constant([3, 3, 3]), length_penalty=tf.ones([count]))


@pytest.mark.parametrize("texts", [[], ["ABC"], ["ABC", "DEF", "GHI"]])
def test_one_value_of_a_control_counts_for_all_texts(folder, texts):
    generate = build_signatures(folder)["generate"]
    rows = len(texts)
    text = tf.constant(texts, tf.string)
    one = generate(text=text, max_new_tokens=tf.constant([2]), length_penalty=tf.constant([0.5]))
    each = generate(text=text, max_new_tokens=tf.fill([rows], 2), length_penalty=tf.fill([rows], 0.5))
    assert (
        one["text"].numpy().tolist() == each["text"].numpy().tolist() == [each[:2].lower().encode() for each in texts]
    )
    np.testing.assert_array_equal(one["score"].numpy(), each["score"].numpy())


def test_a_saved_model_holds_the_controls_defaults(folder, tmp_path):
    tf.saved_model.save(ServedTask(folder), str(tmp_path), signatures=build_signatures(folder))
    saved = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    signatures = saved.meta_graphs[0].signature_def
    assert not signatures["serving_default"].defaults
    defaults = {name: tf.make_ndarray(value) for name, value in signatures["generate"].defaults.items()}
    assert {name: (value.dtype, value.tolist()) for name, value in defaults.items()} == {
        name: (control.dtype, [control.default]) for name, control in folder.controls.items()
    }


def test_further_signatures_take_several_texts(comparer, tmp_path):
    signatures = build_signatures(comparer)
    assert set(signatures) == {"serving_default", "generate", "compare"}
    tf.saved_model.save(ServedTask(comparer), str(tmp_path / "model"), signatures=signatures)
    compare = tf.saved_model.load(str(tmp_path / "model")).signatures["compare"]
    assert _specs(compare) == {"text": ("string", [None]), "other": ("string", [None])}
    found = compare(text=tf.constant(["abc", "d"]), other=tf.constant(["abc", "ef"]))
    assert {name: value.numpy().tolist() for name, value in found.items()} == {
        "length": [6.0, 3.0],
        "same": [True, False],
    }
    with pytest.raises(tf.errors.InvalidArgumentError, match="other must hold one value per text"):
        compare(text=tf.constant(["a", "b"]), other=tf.constant(["a"]))


def test_task_without_controls_has_one_signature(folder):
    folder.controls = {}
    folder.predict_batch = lambda text: {"label": tf.strings.upper(text)}
    assert set(build_signatures(folder)) == {"serving_default"}


def test_half_precision_becomes_float32(folder):
    folder.controls = {}
    folder.predict_batch = lambda text: {"score": tf.cast(tf.strings.length(text), tf.bfloat16)}
    outputs = build_signatures(folder)["serving_default"](tf.constant(["abc"]))
    assert outputs["score"].dtype == tf.float32
    assert outputs["score"].numpy().tolist() == [3.0]


@pytest.mark.parametrize("output", [lambda text: tf.size(text), lambda text: tf.constant(["a", "b"])])
def test_output_without_batch_dimension_is_refused(folder, output):
    folder.controls = {}
    folder.predict_batch = lambda text: {"count": output(text)}
    with pytest.raises(ValueError, match=r"'count'.*first dimension must be the batch"):
        build_signatures(folder)
