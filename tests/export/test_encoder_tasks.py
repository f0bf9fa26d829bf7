"""Exports of tasks over encoders: a fresh process and a server give Python's entities, labels and candidates."""

import base64
import json
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from tiny_encoder_tasks import BLANKS, TEXTS, make_classifier, make_masked_language_model, make_recognizer

from export.errors import VerificationError
from export.parity import check_parity
from export.parity_rounding import same_result
from export.saved_model import export_saved_model
from export.serve import LocalServer
from export.served_form import ServedForm
from export.signatures import build_signatures

MAKERS = {
    "entities": (make_recognizer, TEXTS),
    "labels": (make_classifier, TEXTS),
    "many_labels": (lambda: make_classifier(multi_label=True), TEXTS),
    "blanks": (make_masked_language_model, BLANKS),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Task, texts and the directory of its version, by name; made when asked for."""
    made = {}

    def export(name):
        if name not in made:
            make, texts = MAKERS[name]
            task = make()
            directory = tmp_path_factory.mktemp("serving") / name
            made[name] = task, texts, export_saved_model(task, directory, parity_texts=texts, max_batch_size=4)
        return made[name]

    return export


@pytest.mark.parametrize("name", MAKERS)
def test_served_answers_are_those_of_python(exported, name):
    task, texts, version = exported(name)
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert report["rows"] > 2 * len(texts) and report["max_score_difference"] < 1e-5
    assert report["servers"] == ["2.11", *(f"2.{minor}" for minor in range(12, 21))]
    served = tf.saved_model.load(str(version)).signatures["serving_default"](text=tf.constant(texts))
    assert str(task.unpack({key: value.numpy() for key, value in served.items()})) == str(task(texts, batch_size=100))


def test_controls_have_a_signature_named_by_the_task(exported):
    task, texts, version = exported("many_labels")
    signature = tf.saved_model.load(str(version)).signatures["classify"]
    served = signature(text=tf.constant(texts), threshold=tf.zeros(len(texts)))
    assert served["count"].numpy().tolist() == [len(task.labels)] * len(texts)
    assert (version.parent / "request_classify.json").is_file()
    assert "request_classify.json" in (version.parent / "serving.md").read_text()


@pytest.mark.parametrize(("name", "width"), [("entities", 2), ("blanks", 1)])
def test_rows_of_a_fixed_width(exported, name, width):
    """However a server splits a batch, answers can be joined; what a row has no place for is counted."""
    task, texts, _ = exported(name)
    serve = build_signatures(task, ServedForm(width=width))["serving_default"]
    assert all(None not in value.shape[1:] for value in serve.get_concrete_function().structured_outputs.values())
    served = {key: value.numpy() for key, value in serve(tf.constant(texts)).items()}
    results = task(texts)
    assert served["total"].tolist() == [len(result) for result in results] and max(served["total"]) > width
    for key, value in served.items():
        joined = np.concatenate([serve(tf.constant(part))[key].numpy() for part in (texts[:3], texts[3:])])
        assert joined.shape == value.shape
        if value.dtype == np.float32:
            np.testing.assert_allclose(joined, value, rtol=1e-4)
        else:
            assert joined.tolist() == value.tolist()
    for found, result in zip(task.unpack(served), results, strict=True):
        assert same_result(found, result[:width])


def test_a_threshold_out_of_bounds_leaves_the_other_rows_alone(exported):
    task, texts, version = exported("many_labels")
    classify = tf.saved_model.load(str(version)).signatures["classify"]
    served = {
        name: value.numpy()
        for name, value in classify(text=tf.constant(texts[:3]), threshold=tf.constant([0.5, 1.5, 0.5])).items()
    }
    assert served["error"].tolist() == [b"", b"threshold must be between 0.0 and 1.0", b""]
    assert served["count"][1] == 0 and not served["scores"][1].any() and not any(served["labels"][1])
    good = {name: value[[0, 2]] for name, value in served.items() if name != "error"}
    assert same_result(task.unpack(good), task([texts[0], texts[2]]))


def rest_answers(version, texts):
    """What the local server answers over REST, a dict for each text; in row and in column form it is the same."""
    encoded = [text if isinstance(text, str) else {"b64": base64.b64encode(text).decode()} for text in texts]
    with LocalServer(version.parent, poll_seconds=0) as server:
        assert server.wait_until_available(timeout_seconds=60)

        def ask(body):
            url = f"{server.rest_url}/v1/models/{version.parent.name}:predict"
            with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=60) as response:
                return json.load(response)

        rows = ask({"instances": [{"text": text} for text in encoded]})["predictions"]
        columns = ask({"inputs": {"text": encoded}})["outputs"]
    assert rows == [{name: values[row] for name, values in columns.items()} for row in range(len(texts))]
    return rows


def test_entities_over_rest(exported):
    """Offsets are those that the guide speaks of."""
    task, texts, version = exported("entities")
    assert "Offsets refer to the text with U+FFFD" in (version.parent / "serving.md").read_text()
    for text, row, entities in zip(texts, rest_answers(version, texts), task(texts), strict=True):
        read = text if isinstance(text, str) else text.decode(errors="replace")
        found = [{name: row[name][place] for name in task.ragged_outputs} for place in range(row["count"])]
        assert found == [{**entity, "score": pytest.approx(entity["score"], rel=1e-4)} for entity in entities]
        for entity in found:
            assert read[entity["start"] : entity["end"]] == entity["text"]
            assert read.encode()[entity["start_byte"] : entity["end_byte"]].decode() == entity["text"]
        # Rows are as long as the longest, and empty to the end.
        assert not any(any(row[name][row["count"] :]) for name in task.ragged_outputs)


def test_labels_over_rest(exported):
    task, texts, version = exported("labels")
    for row, answer in zip(rest_answers(version, texts), task(texts), strict=True):
        assert (row["label"], row["labels"]) == (answer["label"], answer["labels"])
        assert [row["score"], *row["scores"]] == pytest.approx([answer["score"], *answer["scores"]], rel=1e-4)


def test_an_entity_too_many_is_noticed(exported, tmp_path, monkeypatch):
    """Rows are compared to their full width, and what fills up rows counts too."""
    task, texts, version = exported("entities")
    predict_batch = type(task).predict_batch

    def with_longer_rows(self, text):
        outputs = predict_batch(self, text)
        return {**outputs, "start": tf.pad(outputs["start"], [[0, 0], [0, 1]], constant_values=7)}

    monkeypatch.setattr(type(task), "predict_batch", with_longer_rows)
    with pytest.raises(VerificationError) as raised:
        check_parity(version, task, texts, {8: b"born in"}, scratch_directory=tmp_path, max_batch_size=4)
    assert any("Python" in detail for detail in raised.value.details)
    assert np.size(raised.value.details) > 1
