"""What the comparison finds, with a doctored server; test_saved_model.py runs the fresh process instead."""

import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from export import asked_lengths, parity
from export.asked_lengths import AskedLengths
from export.errors import VerificationError
from export.json_arrays import decode_array, encode_array
from export.parity import check_parity, check_same_answers, request_to_compare
from export.parity_requests import answer_requests, refusal_requests
from export.served_form import ServedForm
from export.signatures import build_signatures
from export.warm_up import write_warm_up
from zoo.errors import UserError
from zoo.weights import PackedWeights

TEXTS_BY_BUCKET = {8: b"one two three", 20: b"one two three four five"}


class Server:
    """Answers as the exported signatures do, then lets a test change the outputs."""

    def __init__(self, task, change=lambda request, outputs: outputs, form=ServedForm()):  # noqa: B008
        self.signatures = {name: each.get_concrete_function() for name, each in build_signatures(task, form).items()}
        self.change = change
        self.warm_up = [{"signature": "serving_default", "outputs": {}}]

    def __call__(self, directory, requests, scratch_directory):
        inputs = {
            name: {key: {"dtype": spec.dtype.name, "shape": [None]} for key, spec in self._specs(name).items()}
            for name in self.signatures
        }
        return {
            "tensorflow": tf.__version__,
            "signatures": {name: {"inputs": value, "outputs": {}} for name, value in inputs.items()},
            "warm_up": self.warm_up,
            "answers": [self.answer(request) for request in requests],
        }

    def _specs(self, name):
        arguments, keywords = self.signatures[name].structured_input_signature
        return {**{spec.name: spec for spec in arguments}, **keywords}

    def answer(self, request):
        tensors = {
            name: tf.constant(value.tolist(), tf.string if value.dtype == object else value.dtype, value.shape)
            for name, value in request.inputs.items()
        }
        try:
            outputs = self.signatures[request.signature](**tensors)
        except tf.errors.InvalidArgumentError as error:
            return {"error": error.message, "error_type": type(error).__name__}
        outputs = self.change(request, {name: value.numpy() for name, value in outputs.items()})
        return {"outputs": {name: encode_array(value) for name, value in outputs.items()}}


@pytest.fixture
def check(folder, tmp_path, monkeypatch):
    def run(change=lambda request, outputs: outputs, *, server=None, **options):
        server = server or Server(folder, change, options.get("form", ServedForm()))
        monkeypatch.setattr(parity, "_run_in_fresh_process", server)
        return check_parity(
            tmp_path, folder, folder.examples, TEXTS_BY_BUCKET, scratch_directory=tmp_path, max_batch_size=4, **options
        )

    return run


def _details(check, change=lambda request, outputs: outputs, **options):
    with pytest.raises(VerificationError) as caught:
        check(change, **options)
    return "\n".join(caught.value.details)


def _changed_row(text, name, value):
    """Changes one output of the row with a given input text, in batches only or wherever it is."""

    def change(request, outputs):
        for row in np.flatnonzero(request.inputs["text"] == text):
            outputs[name][row] = value(outputs[name][row])
        return outputs

    return change


def test_equal_answers_pass_and_are_counted(check, folder, tmp_path):
    report = check()
    requests = answer_requests(folder, folder.examples, TEXTS_BY_BUCKET, 4)
    assert report.requests == len(requests)
    assert report.rows == sum(len(request.inputs["text"]) for request in requests)
    assert report.refusals == len(refusal_requests(folder)) == 2 + 1 + 3 + 1
    assert report.warm_up_records == 1
    assert report.max_score_difference < 1e-6
    report.write(tmp_path)
    assert json.loads((tmp_path / "assets.extra" / "parity.json").read_text())["rows"] == report.rows


def test_requests_cover_what_they_must(folder):
    requests = answer_requests(folder, folder.examples, TEXTS_BY_BUCKET, 4)
    for signature in ("serving_default", "generate"):
        sizes = {len(request.inputs["text"]) for request in requests if request.signature == signature}
        assert {0, 1, 4} <= sizes
    texts = [text for request in requests for text in request.inputs["text"]]
    alone = {request.inputs["text"][0] for request in requests if len(request.inputs["text"]) == 1}
    assert {b"", b"   ", *TEXTS_BY_BUCKET.values()} <= alone
    assert any(b"\x00" in text for text in alone)
    assert any("😀".encode() in text for text in alone)
    assert any(len(folder.tokenizer.encode([text]).values) > 2 * 5 for text in alone)
    with pytest.raises(UnicodeDecodeError):
        b"".join(texts).decode("utf-8")
    lengths = np.concatenate([r.inputs["max_new_tokens"] for r in requests if r.signature == "generate"])
    assert {1, 15, 30} == set(lengths.tolist())


def test_further_signatures_are_compared_and_refuse_unequal_lengths(comparer, check):
    requests = [request for request in answer_requests(comparer, ["a b", "c"], TEXTS_BY_BUCKET, 4)]
    further = [request for request in requests if request.signature == "compare"]
    assert {len(request.inputs["text"]) for request in further} >= {0, 1, 4}
    assert any((request.inputs["text"] != request.inputs["other"]).all() for request in further)
    assert [request.refused_name for request in refusal_requests(comparer) if request.signature == "compare"] == [
        "other"
    ]
    report = check()
    assert report.requests > len(further) and report.refusals > 1

    def doctored(request, outputs):
        return {**outputs, "same": ~outputs["same"]} if request.signature == "compare" else outputs

    assert "compare(" in _details(check, doctored)


def test_other_text_is_found(check):
    """The score agrees, but Python never gives that text: no number of allowed ties lets it pass."""
    change = _changed_row(b"Two Dogs run.", "text", lambda text: text + b"!")
    with pytest.raises(VerificationError, match="does not do what Python does") as caught:
        check(change, allowed_ties=1000)
    details = "\n".join(caught.value.details)
    assert "serving_default('Two Dogs run.'), row 1 of 4: served {'text': b'two dogs run.!'" in details
    assert "allowed-ties" not in str(caught.value)


class Answer(NamedTuple):
    text: str
    score: float


def test_ties_can_be_allowed_by_number(check, folder):
    """What is served instead is one of Python's best answers, and as good as the first."""

    def n_best(text, n, num_beams, **controls):
        controls = {name: tf.constant([value]) for name, value in controls.items()}
        outputs = folder.predict_batch(tf.constant([text]), **controls)
        (text,), (score,) = folder.unpack({"text": outputs["text"].numpy()}), outputs["score"].numpy().tolist()
        return [Answer(text, score), Answer(text + "!", score + 1e-5), Answer(text + "?", score - 0.1)][:n]

    folder.n_best = n_best
    change = _changed_row(b"Two Dogs run.", "text", lambda text: text + b"!")
    with pytest.raises(VerificationError, match=r"by rounding alone.*--allowed-ties (\d+) accepts them") as caught:
        check(change)
    number = len(caught.value.details)
    assert check(change, allowed_ties=number).ties == number
    with pytest.raises(VerificationError):
        check(change, allowed_ties=number - 1)
    worse = _changed_row(b"Two Dogs run.", "text", lambda text: text + b"?")
    with pytest.raises(VerificationError, match="does not do what Python does"):
        check(worse, allowed_ties=number)


def test_labels_of_equal_scores_may_change_places(check, folder, monkeypatch):
    def labels(text, **controls):
        rows = tf.shape(text)[0]
        labels, scores = tf.tile([["a", "b", "c"]], [rows, 1]), tf.tile([[0.6, 0.2, 0.2]], [rows, 1])
        return {"label": labels[:, 0], "labels": labels, "scores": scores}

    monkeypatch.setattr(folder, "predict_batch", labels)
    folder.controls = {}
    monkeypatch.setattr(folder, "unpack", lambda outputs: outputs["label"].tolist())
    monkeypatch.setattr(type(folder), "__call__", lambda self, texts: [b"a"] * len(texts))

    def swapped(one, other):
        def change(request, outputs):
            outputs["labels"][:1, [one, other]] = outputs["labels"][:1, [other, one]]
            return outputs

        return change

    with pytest.raises(VerificationError, match=r"by rounding alone"):
        check(swapped(1, 2))
    with pytest.raises(VerificationError, match="does not do what Python does"):
        check(swapped(0, 1))


def test_other_text_with_another_score_is_no_tie(check):
    def change(request, outputs):
        outputs = _changed_row(b"Two Dogs run.", "text", lambda text: text + b"!")(request, outputs)
        return _changed_row(b"Two Dogs run.", "score", lambda score: score + 1)(request, outputs)

    assert "Two Dogs" in _details(check, change, allowed_ties=1000)


@pytest.mark.parametrize(("factor", "passes"), [(1 + 5e-5, True), (1 + 5e-4, False)])
def test_scores_agree_within_the_tolerance(check, factor, passes):
    def change(request, outputs):
        outputs["score"] = (outputs["score"] * factor).astype(np.float32)
        return outputs

    if passes:
        assert 1e-5 < check(change).max_score_difference < 1e-4
    else:
        assert "served" in _details(check, change)


def test_row_that_depends_on_its_neighbours_is_found(check):
    def change(request, outputs):
        return outputs if len(outputs["score"]) > 1 else {**outputs, "score": outputs["score"] + 1}

    details = _details(check, change)
    assert ", alone: served" in details
    assert "row 0 of" not in details


@pytest.mark.parametrize("draws", [False, True])
def test_tasks_that_draw_may_depend_on_the_shape_of_a_batch_and_on_nothing_else(check, folder, monkeypatch, draws):
    """As rounding does, which decides a draw; what is served differently for the same shape is found all the same."""
    fold = folder.fold

    def by_shape(text, **controls):
        outputs = fold(text, **controls)
        rows = tf.fill(tf.shape(text), tf.strings.as_string(tf.shape(text)[0]))
        return {**outputs, "text": tf.strings.join([outputs["text"], rows])}

    monkeypatch.setattr(folder, "fold", by_shape)
    folder.draws = draws
    if not draws:
        assert ", alone: served" in _details(check)
        return
    assert check().rows > 20
    assert "served" in _details(check, _changed_row(b"Two Dogs run.", "text", lambda text: b"other"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_carry_are_found(check, value):
    change = _changed_row(b"Two Dogs run.", "score", lambda score: value)
    assert "which JSON cannot carry" in _details(check, change)


def test_invalid_utf8_is_found_even_where_python_does_the_same(check, folder, monkeypatch):
    fold = folder.fold

    def broken(text, **controls):
        return {**fold(text, **controls), "text": tf.strings.substr(text, 0, 4)}

    monkeypatch.setattr(folder, "fold", broken)
    monkeypatch.setattr(type(folder), "__call__", lambda self, texts: [""] * len(texts))
    assert "text is not valid UTF-8" in _details(check)


def test_accepted_control_out_of_bounds_is_found(check, folder, monkeypatch):
    folder.predict_batch = lambda text, max_new_tokens=None, length_penalty=None: {
        "text": tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    }
    monkeypatch.setattr(type(folder), "__call__", lambda self, texts: texts)
    details = _details(check)
    for value in ("max_new_tokens=[0]", "max_new_tokens=[51]", "length_penalty=[-1.0]", "length_penalty=[nan]"):
        assert f"generate accepts {value} for 1 texts" in details


def test_refusal_must_start_with_the_name(check, folder):
    server = Server(folder)
    answer = server.answer

    def rename(request):
        found = answer(request)
        return {**found, "error": "a value is out of bounds"} if "error" in found else found

    server.answer = rename
    assert "refuses max_new_tokens=[0] with a message that does not start with the name" in _details(
        check, server=server
    )


def test_failing_warm_up_record_is_found(check, folder):
    server = Server(folder)
    server.warm_up.append({"signature": "generate", "error": "Graph execution error:\n\nno such table\n"})
    assert _details(check, server=server) == "warm-up record for generate: no such table"


def test_missing_output_is_found(check):
    assert "outputs have shapes" in _details(check, lambda request, outputs: {"text": outputs["text"]})


def test_missing_signature_input_is_found(check, folder):
    server = Server(folder)
    call = server.__call__

    def without_text(*arguments):
        found = call(*arguments)
        del found["signatures"]["generate"]["inputs"]["length_penalty"]
        return found

    assert "signature generate takes" in _details(check, server=without_text)


def test_call_in_python_must_agree(check, folder, monkeypatch):
    call = type(folder).__call__
    monkeypatch.setattr(type(folder), "__call__", lambda self, texts: [text + "?" for text in call(self, texts)])
    with pytest.raises(VerificationError, match="does not do what Python does") as caught:
        check(allowed_ties=1000)
    assert "task('Two Dogs run.'): 'two dogs run.?'" in "\n".join(caught.value.details)


def test_batch_that_python_cannot_answer_is_a_failed_check(check, folder, monkeypatch):
    fold = folder.fold

    def needs_rows(text, **controls):
        with tf.control_dependencies([tf.debugging.Assert(tf.size(text) > 0, ["an empty batch"])]):
            return fold(tf.identity(text), **controls)

    monkeypatch.setattr(folder, "fold", needs_rows)
    with pytest.raises(VerificationError, match="Python itself cannot answer serving_default with 0 rows") as caught:
        check()
    assert caught.value.details == ("assertion failed: [an empty batch]",)


def test_arrays_survive_json():
    arrays = [
        np.array([0.1, -1e-30, np.inf, np.nan], np.float32),
        np.array([[1, 2], [3, 4]], np.int64),
        np.array([[b"", b"\xff\x00"]], dtype=object),
        np.zeros([0, 3], np.float32),
        np.empty([0], dtype=object),
    ]
    for array in arrays:
        found = decode_array(json.loads(json.dumps(encode_array(array))))
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_saved_model_that_does_not_load_is_a_failed_check(folder, tmp_path):
    write_warm_up(tmp_path, [])
    with pytest.raises(VerificationError, match="ended with status 1") as caught:
        check_parity(tmp_path, folder, ["a"], TEXTS_BY_BUCKET, scratch_directory=tmp_path)
    assert "saved_model" in "\n".join(caught.value.details)


FULL = r"cannot write to .*: No space left on device; nothing was published: free some space or give another directory$"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_before_the_check(folder, tmp_path):
    (tmp_path / "requests.json").symlink_to("/dev/full")
    with pytest.raises(UserError, match=FULL):
        check_parity(tmp_path, folder, ["a"], TEXTS_BY_BUCKET, scratch_directory=tmp_path)


def test_a_full_disk_in_the_check(folder, tmp_path, monkeypatch):
    def run(command, **options):
        return subprocess.CompletedProcess(command, os.EX_IOERR, "", "a warning\nNo space left on device\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(UserError, match=FULL):
        check_parity(tmp_path, folder, ["a"], TEXTS_BY_BUCKET, scratch_directory=tmp_path)


def test_answers_that_change_with_the_storage_of_matrices_are_refused(folder):
    request = request_to_compare(folder, [b"A Man", "No\u00c9", b"\xff", *["x"] * 20])
    assert request.inputs["text"].tolist() == [b"A Man", "No\u00c9".encode(), b"\xff", *[b"x"] * 13]
    check_same_answers(request, folder, PackedWeights())
    request.expected["text"][0] = b"a woman"
    with pytest.raises(VerificationError, match=r"^answers change with the storage of matrices: 1 findings") as caught:
        check_same_answers(request, folder, PackedWeights(), allowed_ties=1)
    assert "allowed-ties" not in str(caught.value)
    (detail,) = caught.value.details
    assert detail.startswith("serving_default('A Man'), row 0 of 16: served {'text': b'a woman'")
    folder.draws = True
    assert request_to_compare(folder, ["a"]) is None


def test_rows_with_an_error_stand_among_others(check, folder):
    form = ServedForm(row_errors=True)
    report = check(form=form)
    assert report.row_errors == 2 + 3 + 1 and report.refusals == 2  # those of another length
    requests = answer_requests(folder, folder.examples, TEXTS_BY_BUCKET, 4, row_errors=True)
    (first, _, third) = [request for request in requests if request.errors]
    assert first.errors == {place: "max_new_tokens must be between 1 and 50" for place in (1, 3)}
    assert third.errors[3] == "max_new_tokens must be between 1 and 50; length_penalty must be between 0.0 and 10.0"
    assert np.isnan(third.inputs["length_penalty"][1])

    def changed(name, value):
        def change(request, outputs):
            if request.errors:
                outputs[name][1] = value
            return outputs

        return change

    for name, value in (("error", b""), ("error", b"no"), ("text", b"a"), ("score", 1.0)):
        assert "row 1 of 4: served" in _details(check, changed(name, value), form=form)

    def neighbour(request, outputs):
        if request.errors:
            outputs["text"][0] = b""
        return outputs

    assert "row 0 of 4: served" in _details(check, neighbour, form=form)
    assert "outputs have shapes" in _details(check, form=ServedForm(), server=Server(folder, form=form))


def test_rows_of_a_fixed_width(check, folder, monkeypatch):
    """Rows that are too long are compared as far as they are served, and so is how many there are."""

    def words(text, **controls):
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        found = tf.strings.split(text)
        return {"word": found.to_tensor(), "count": tf.cast(found.row_lengths(), tf.int32)}

    monkeypatch.setattr(folder, "predict_batch", words)
    monkeypatch.setattr(folder, "ragged_outputs", {"word": b""})
    folder.controls = {}

    def unpack(outputs):
        return [[word.decode() for word in row[:n]] for row, n in zip(outputs["word"], outputs["count"], strict=True)]

    def call(self, texts):
        return unpack({name: value.numpy() for name, value in words(tf.constant(texts)).items()})

    monkeypatch.setattr(folder, "unpack", unpack)
    monkeypatch.setattr(type(folder), "__call__", call)
    form = ServedForm(width=3)
    assert check(form=form).ties == 0
    assert "outputs have shapes" in _details(check, form=form, server=Server(folder))
    for name, value in (("word", b"x"), ("count", 2), ("total", 3)):
        change = _changed_row(b"A man rides a horse.", name, lambda _, value=value: value)
        assert "serving_default('A man rides a horse.')" in _details(check, change, form=form)


def test_long_inputs_of_large_models_are_asked_one_by_one(folder, monkeypatch):
    monkeypatch.setattr(asked_lengths, "LARGE", 1)
    monkeypatch.setattr(asked_lengths, "TOGETHER", 4)
    buckets = {3: b"one two", 6: b"one two three four five", 20: b" ".join([b"word"] * 19)}
    requests = answer_requests(folder, folder.examples, buckets, 4)
    lengths = AskedLengths(folder)
    longest = {
        name: [max(lengths.tokens([{"text": text} for text in each.inputs["text"]]), default=0) for each in of_name]
        for name in folder.signatures
        for of_name in [[request for request in requests if request.signature == name]]
    }
    for request, tokens in zip(requests, itertools.chain(*longest.values()), strict=True):
        assert tokens <= 4 or request.num_rows == 1
        assert request.once == (tokens > 4 and request.signature == "serving_default")
    # Both buckets, examples, difficult texts, and three times the longest text, which is cut to 20 words.
    assert sorted(tokens for tokens in longest["serving_default"] if tokens > 4) == [5, 5, 5, 7, 19, 20]
    assert [tokens for tokens in longest["generate"] if tokens > 4] == [19]
    assert lengths.of_signatures(requests)["generate"] == sorted(set(longest["generate"]))
    small = sum(request.num_rows for request in requests)
    monkeypatch.setattr(asked_lengths, "LARGE", 2**26)
    assert small < sum(request.num_rows for request in answer_requests(folder, folder.examples, buckets, 4))
    assert not any(request.once for request in answer_requests(folder, folder.examples, buckets, 4))


def test_the_report_says_what_a_large_model_was_asked(check, monkeypatch):
    assert check().asked_apart_from is None
    monkeypatch.setattr(asked_lengths, "LARGE", 1)
    monkeypatch.setattr(asked_lengths, "TOGETHER", 4)
    report = check()
    assert report.asked_apart_from == 5
    assert report.tokens == {"serving_default": [0, 3, 4, 5, 7, 15], "generate": [0, 3, 5]}
