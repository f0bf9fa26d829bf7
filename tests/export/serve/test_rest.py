import base64
import gzip
import json
import math
import urllib.request

import numpy as np
import pytest

from export.serve import LocalServer
from export.serving_files import batching_params
from zoo.errors import UserError


def test_row_form_answers_one_object_per_row(rest):
    status, body = rest.predict({"instances": ["straße", "", "日本"]})
    assert status == 200
    # tf.strings.upper works on ASCII alone by default, tf.strings.length counts bytes.
    assert [row["text"] for row in body["predictions"]] == ["STRAßE", "", "日本"]
    expected = np.array([7, 0, 6]) / 4
    assert [row["score"] for row in body["predictions"]] == list(expected)


def test_rows_may_name_their_inputs(rest):
    named = rest.predict({"instances": [{"text": "a"}, {"text": "b"}]})
    assert named == rest.predict({"instances": ["a", "b"]})
    assert named[0] == 200


def test_column_form_answers_tensors_by_name(rest):
    status, body = rest.predict({"inputs": {"text": ["a", "bc"]}})
    assert status == 200
    assert body["outputs"]["text"] == ["A", "BC"]
    assert rest.predict({"inputs": ["a", "bc"]}) == (status, body)


def test_the_name_of_an_only_output_is_dropped(rest):
    matrix = [[1.0, 2.0], [0.5, -1.0]]
    assert rest.predict({"signature_name": "linear", "instances": matrix}) == (200, {"predictions": [[8.0], [-2.0]]})
    assert rest.predict({"signature_name": "linear", "inputs": matrix}) == (200, {"outputs": [[8.0], [-2.0]]})


def test_base64_goes_both_ways_for_outputs_named_bytes(rest):
    data = bytes(range(256))
    encoded = {"b64": base64.b64encode(data).decode()}
    for body in ({"instances": [encoded, "x"]}, {"instances": [{"data": encoded}, {"data": "x"}]}):
        status, answer = rest.predict({"signature_name": "echo", **body})
        assert status == 200
        assert [base64.b64decode(row["b64"]) for row in answer["predictions"]] == [data, b"x"]
    status, answer = rest.predict({"signature_name": "echo", "inputs": {"data": [encoded]}})
    assert answer == {"outputs": [encoded]}


def test_invalid_utf8_passes_through_unchanged(rest):
    _, raw = rest.raw("POST", rest.url + ":predict", b'{"instances": ["a\xffb"]}')
    assert b'"A\xffB"' in raw


def test_nan_and_infinity_are_numbers_both_ways(rest):
    status, body = rest.predict(b'{"signature_name": "linear", "inputs": [[NaN, 1], [1, Infinity], [1e39, -Infinity]]}')
    assert status == 200
    (first,), (second,), (third,) = body["outputs"]
    assert math.isnan(first) and second == math.inf and math.isnan(third)


def test_booleans_and_integers_keep_their_type(rest):
    body = {"flag": [True, False], "small": [127, 5], "large": [2**64 - 1, 0]}
    status, answer = rest.predict({"signature_name": "kinds", "inputs": body})
    assert status == 200
    assert answer["outputs"] == {"flag": [False, True], "small": [-128, 6], "large": [2**64 - 1, 0]}


def test_a_version_may_be_given(rest):
    assert rest.predict({"instances": ["a"]}, "/versions/1:predict")[0] == 200
    status, body = rest.predict({"instances": ["a"]}, "/versions/2:predict")
    assert (status, body) == (404, {"error": "Servable not found for request: Specific(toy, 2)"})


def test_gzipped_requests_are_read(rest):
    body = gzip.compress(json.dumps({"instances": ["a"]}).encode())
    assert rest.predict(body, **{"Content-Encoding": "gzip"})[0] == 200
    assert rest.predict(body[:-12], **{"Content-Encoding": "gzip"})[0] == 400


def test_status(rest):
    entry = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert rest.get() == (200, {"model_version_status": [entry]})
    assert rest.get("/versions/1") == (200, {"model_version_status": [entry]})
    assert rest.get("/versions/7") == (404, {"error": "Could not find version 7 of model toy"})


def test_metadata_describes_the_signatures(rest):
    status, body = rest.get("/metadata")
    assert status == 200
    assert body["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signatures = body["metadata"]["signature_def"]["signature_def"]
    assert signatures["linear"]["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signatures["linear"]["inputs"]["x"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}],
        "unknown_rank": False,
    }
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"
    assert set(signatures["serving_default"]["outputs"]) == {"text", "score"}


def test_answers_have_the_layout_of_the_server(rest):
    """Of json_tensor.cc at tag 2.20.0, but for the order of members, which is random there."""

    def raw(body):
        return rest.raw("POST", rest.url + ":predict", json.dumps(body).encode())[1].decode()

    matrix = [[1.0, 2.0], [0.5, -1.0]]
    assert raw({"signature_name": "linear", "instances": matrix}) == ('{\n    "predictions": [[8.0], [-2.0]\n    ]\n}')
    assert raw({"signature_name": "linear", "inputs": matrix}) == (
        '{\n    "outputs": [\n        [\n            8.0\n        ],\n        [\n            -2.0\n        ]\n    ]\n}'
    )
    assert raw({"instances": ["a", "bc"]}) == (
        '{\n    "predictions": [\n        {\n            "score": 0.25,\n            "text": "A"\n        },\n'
        '        {\n            "score": 0.5,\n            "text": "BC"\n        }\n    ]\n}'
    )
    assert raw({"inputs": ["a", "bc"]}) == (
        '{\n    "outputs": {\n        "score": [\n            0.25,\n            0.5\n        ],\n'
        '        "text": [\n            "A",\n            "BC"\n        ]\n    }\n}'
    )
    assert raw({"inputs": []}) == '{\n    "outputs": {\n        "score": [],\n        "text": []\n    }\n}'
    assert raw({"signature_name": "echo", "instances": ["x"]}) == (
        '{\n    "predictions": [{\n            "b64": "eA=="\n        }\n    ]\n}'
    )


def test_status_and_metadata_end_in_a_newline(rest):
    status = rest.raw("GET", rest.url)[1].decode()
    assert status.startswith('{\n "model_version_status": [\n  {\n   "version": "1",\n') and status.endswith("}\n")
    metadata = rest.raw("GET", rest.url + "/metadata")[1].decode()
    assert metadata.startswith('{\n"model_spec":{\n "name": "toy",\n') and metadata.endswith("}\n}\n}\n")
    assert '}\n,\n"metadata": {"signature_def": {\n "signature_def": {\n' in metadata
    # The verb counts in small letters alone; another `metadata` is read as nothing.
    assert rest.raw("GET", rest.url + "/METADATA")[1].decode() == status


MALFORMED = [
    ("POST", ""),
    ("POST", "/metadata"),
    ("POST", "/versions/x:predict"),
    ("POST", "/version/1:predict"),
    ("POST", "/versions/1/labels/l:predict"),
    ("POST", ":generate"),
    ("POST", ":PREDICT"),
    ("POST", ":Classify"),
    ("POST", ":predict?verbose=1"),
    ("GET", "/metadata?x"),
    ("GET", ":predict"),
    ("PUT", ":predict"),
    ("DELETE", ""),
]


@pytest.mark.parametrize(("method", "path"), MALFORMED)
def test_malformed_requests(rest, method, path):
    status, body = rest.request(method, rest.url + path, b"{}" if method != "GET" else None)
    assert (status, body) == (400, {"error": f"Malformed request: {method} /v1/models/toy{path}"})


def test_other_paths(server, rest):
    assert rest.raw("GET", server.rest_url + "/nothing")[0] == 404
    assert rest.request("GET", server.rest_url + "/v1/models") == (400, {"error": "Missing model name in request."})
    assert rest.request("GET", server.rest_url + "/v1/models/other") == (
        404,
        {"error": "Could not find any versions of model other"},
    )
    status, body = rest.request("POST", server.rest_url + "/v1/models/other:predict", b'{"instances": [1]}')
    assert (status, body) == (404, {"error": "Servable not found for request: Latest(other)"})
    # A query belongs to the path, here to the model's name.
    assert rest.get("?x=1") == (404, {"error": "Could not find any versions of model toy?x=1"})


def test_large_versions(rest):
    assert rest.predict({"instances": [1]}, f"/versions/{2**63}:predict") == (
        400,
        {"error": f"Failed to convert version: {2**63} to numeric."},
    )


REFUSED = [
    (b"", "JSON Parse error: The document is empty"),
    (b"instances = [1]", "JSON Parse error: Invalid value. at offset: 0"),
    (b'{"instances": ["a"', "JSON Parse error: "),
    (b"[1]", "JSON Value: [1] Is not object"),
    ({}, "Missing 'inputs' or 'instances' key"),
    ({"instances": []}, "No values in 'instances' array"),
    ({"instances": "a"}, "Expecting 'instances' to be an list/array"),
    ({"instances": ["a"], "inputs": ["a"]}, "Not formatted correctly expecting only one of"),
    ({"signature_name": 7, "instances": ["a"]}, "'signature_name' key must be a string value."),
    ({"signature_name": "no", "instances": ["a"]}, 'Serving signature name: "no" not found in signature def'),
    ({"instances": [1]}, "JSON Value: 1 Type: Number is not of expected type: string"),
    ({"instances": [None]}, "JSON Value: null Type: Null is not of expected type: string"),
    ({"instances": ["a", ["b"]]}, "Expecting shape [] but got: [1]"),
    ({"instances": ["a", {"text": "b"}]}, "Expecting value/list but got object at item 1 of input list"),
    ({"instances": [{"text": "a"}, "b"]}, "Expecting object but got list at item 1 of input list"),
    ({"instances": [{"txet": "a"}]}, "JSON object: does not have named input: txet"),
    ({"instances": [{"text": "a", "x": 1}]}, "JSON object: does not have named input: x"),
    ({"inputs": {"txet": ["a"]}}, "Missing named input: text in 'inputs' object."),
    ({"signature_name": "linear", "instances": [[1, 2], [3]]}, "Expecting tensor size: 2 but got: 1"),
    ({"signature_name": "linear", "inputs": [[1, 2], [3]]}, "Encountered list at unexpected size: 1 at level: 1"),
    ({"signature_name": "linear", "inputs": [[1, 2], 3]}, "found at incorrect level: 2"),
    ({"signature_name": "linear", "inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
    ({"signature_name": "linear", "inputs": [["1", 2]]}, 'JSON Value: "1" Type: String is not of expected type: float'),
    ({"signature_name": "linear", "inputs": [[1, 2, 3]]}, "Matrix size-incompatible: In[0]: [1,3], In[1]: [2,1]"),
    ({"signature_name": "kinds", "instances": [1]}, "expecting list of objects as multiple input tensors required"),
    ({"signature_name": "kinds", "inputs": [1]}, "expecting an object as multiple input tensors required"),
    ({"signature_name": "kinds", "instances": [{"small": 1}]}, "keys must be equal to: flag,large,small"),
    ({"signature_name": "scaled", "instances": [{"x": 1.0}]}, "keys must be equal to: factor,x"),
    ({"signature_name": "echo", "instances": [{"b64": "!"}]}, "Unable to base64 decode"),
    ({"signature_name": "echo", "instances": [["a"], {"b64": "YQ=="}]}, "Expecting shape [1] but got: []"),
    ({"signature_name": "parse", "instances": ["x"]}, "could not correctly convert string: x"),
    (b'{"signature_name": "parse", "instances": ["\xff"]}', "could not correctly convert string"),
    ({"signature_name": "half", "instances": [1.0]}, "Failed to write JSON value for tensor type: half"),
    ({"signature_name": "total", "instances": [1.0]}, "Tensor name: sum has no shape information"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_bad_requests(rest, body, message):
    status, answer = rest.predict(body)
    assert status == 400
    assert list(answer) == ["error"]
    assert message in answer["error"]


def test_a_scalar_output_is_fine_in_column_form(rest):
    assert rest.predict({"signature_name": "total", "inputs": [1.0, 2.5]}) == (200, {"outputs": 3.5})


def test_classify_and_regress(rest):
    examples = {"examples": [{"inputs": "x"}]}
    status, body = rest.predict(examples, ":classify")
    assert status == 400 and "No classification inputs found in SignatureDef" in body["error"]
    status, body = rest.predict(examples, ":regress")
    assert status == 400 and body["error"] == "Expected one output Tensor."
    assert rest.predict({"signature_name": "classifier", **examples}, ":classify")[0] == 501
    status, body = rest.predict({"examples": []}, ":classify")
    assert status == 400 and "'examples' value is an empty array" in body["error"]


def test_a_slow_prediction_runs_into_the_timeout(server, publish, rest_client, tmp_path):
    publish(tmp_path / "toy", 1)
    with LocalServer(tmp_path / "toy", rest_timeout_seconds=0.05) as impatient:
        body = {"signature_name": "gate", "inputs": [str(tmp_path / "started"), str(tmp_path / "never*")]}
        assert rest_client(impatient).predict(body)[0] == 504
        assert rest_client(impatient).predict({"instances": ["a"]})[0] == 200


def test_the_content_type_is_json(rest):
    with urllib.request.urlopen(rest.url) as response:
        assert response.headers["Content-Type"] == "application/json"


def test_the_batching_file_decides_what_is_refused(publish, rest_client, tmp_path):
    publish(tmp_path / "toy", 1)
    parameters = tmp_path / "batching_params.pbtxt"
    parameters.write_text(batching_params(4))
    with LocalServer(tmp_path / "toy", batching_parameters_file=parameters) as batching:
        rest = rest_client(batching)
        assert rest.predict({"instances": ["a"] * 4})[0] == 200
        for body, message in (
            ({"instances": ["a"] * 5}, "Task size 5 is larger than maximum input batch size 4"),
            ({"inputs": []}, "a request without rows"),
            ({"signature_name": "scaled", "inputs": {"x": [1.0], "factor": 2.0}}, "must have at least one dimension"),
            (
                {"signature_name": "kinds", "inputs": {"flag": [True], "small": [1, 2], "large": [3]}},
                "Batching Run() input tensors must have equal 0th-dimension size",
            ),
            ({"signature_name": "total", "inputs": [1.0]}, "Batched output tensor has 0 dimensions"),
        ):
            status, answer = rest.predict(body)
            assert status == 400 and message in answer["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size { value: 4 } allowed_batch_sizes: 2", "Last entry in allowed_batch_sizes must match"),
        ("max_batch_size { value: 0 }", "must be positive; was 0"),
        ("max_batch_sizes: 4", "not BatchingParameters: .*max_batch_sizes"),
        (
            "max_batch_size { value: 4 } enable_large_batch_splitting { value: true } "
            "max_execution_batch_size { value: 8 }",
            "must be greater than or equal to max_execution_batch_size, but they are 4 and 8",
        ),
        (None, "cannot read the batching parameters .*: No such file or directory"),
    ],
)
def test_batching_files_that_the_server_refuses(tmp_path, text, message):
    path = tmp_path / "parameters"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        LocalServer(tmp_path, batching_parameters_file=path)
