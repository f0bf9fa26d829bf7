import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from export.served_form import ServedForm, fixed_width
from export.signatures import ServedTask, build_signatures
from zoo.errors import UserError


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


def test_rows_out_of_bounds_are_empty_and_say_why(folder):
    generate = build_signatures(folder, ServedForm(row_errors=True))["generate"]
    texts = tf.constant(["ABC", "DEF", "GHI", "JKL", "MNO"])
    found = generate(
        text=texts,
        max_new_tokens=tf.constant([0, 2, 51, 3, 0]),
        length_penalty=tf.constant([1.0, 1.0, 1.0, float("nan"), -1.0]),
    )
    tokens, penalty = "max_new_tokens must be between 1 and 50", "length_penalty must be between 0.0 and 10.0"
    errors = [tokens, "", tokens, penalty, f"{tokens}; {penalty}"]
    assert [error.decode() for error in found["error"].numpy()] == errors
    assert found["text"].numpy().tolist() == [b"", b"de", b"", b"", b""]
    alone = generate(text=texts[1:2], max_new_tokens=tf.constant([2]), length_penalty=tf.constant([1.0]))
    assert found["score"].numpy().tolist() == [0.0, *alone["score"].numpy().tolist(), 0.0, 0.0, 0.0]
    # One value for all texts is bad for all of them; none is bad among no texts.
    one = generate(text=texts, max_new_tokens=tf.constant([0]), length_penalty=tf.constant([1.0]))
    assert one["error"].numpy().tolist() == [tokens.encode()] * 5
    none = generate(text=texts[:0], max_new_tokens=tf.zeros([0], tf.int32), length_penalty=tf.zeros([0]))
    assert none["error"].shape == (0,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_new_tokens must hold one value per text"):
        generate(text=texts, max_new_tokens=tf.constant([1, 2]), length_penalty=tf.constant([1.0]))


def test_a_task_with_an_output_of_that_name_is_refused(folder):
    folder.predict_batch = lambda text, **controls: {"error": text}
    with pytest.raises(ValueError, match="'error' of its own"):
        build_signatures(folder, ServedForm(row_errors=True))


def test_rows_of_a_fixed_width(folder):
    folder.controls, folder.ragged_items = {}, "entities"
    folder.ragged_outputs = {"word": b"", "place": 0, "pair": 0.0}

    def words(text):
        found = tf.strings.split(text)
        place = tf.ragged.range(found.row_lengths()).to_tensor()
        pair = tf.cast(tf.stack([place, place], axis=2), tf.float32)
        count = tf.cast(found.row_lengths(), tf.int32)
        return {"word": found.to_tensor(), "place": place, "pair": pair, "count": count}

    folder.predict_batch = words
    serve = build_signatures(folder, ServedForm(width=fixed_width(folder, entities=3, blanks=None)))["serving_default"]
    batch = serve(text=tf.constant(["a b c d e", "f", ""]))
    assert batch["word"].numpy().tolist() == [[b"a", b"b", b"c"], [b"f", b"", b""], [b"", b"", b""]]
    assert batch["count"].numpy().tolist() == [3, 1, 0] and batch["total"].numpy().tolist() == [5, 1, 0]
    assert batch["pair"].numpy()[1].tolist() == [[0, 0]] * 3
    assert serve.get_concrete_function().structured_outputs["pair"].shape.as_list() == [None, 3, 2]
    # As a server does that splits a batch and joins the answers.
    parts = [serve(text=tf.constant([text])) for text in ("a b c d e", "f", "")]
    for name, value in batch.items():
        assert value.numpy().tolist() == [row for part in parts for row in part[name].numpy().tolist()]


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"entities": 0}, "--max-entities: 0 is not a number of entities"),
        ({"entities": None, "blanks": 4}, "--max-blanks: a CaseFolder gives no blanks; leave it out"),
    ],
)
def test_impossible_widths_are_refused(folder, widths, message):
    with pytest.raises(UserError, match=message):
        fixed_width(folder, **widths)
