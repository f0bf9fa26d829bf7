import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)


def predict_request(signature, model="toy", version=None, label=None, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def refusal(call, request):
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=30)
    return caught.value.code(), caught.value.details()


def test_predict_names_the_version_that_answered(stubs):
    response = stubs.prediction.Predict(predict_request("", text=["a", "bc"]))
    assert list(response.outputs["text"].string_val) == [b"A", b"BC"]
    assert list(response.outputs["score"].float_val) == [0.25, 0.5]
    assert (response.model_spec.name, response.model_spec.version.value) == ("toy", 1)
    assert response.model_spec.signature_name == "serving_default"


def test_rest_and_grpc_answer_the_same(stubs, rest):
    texts = ["", "Straße", "日本", "🙂", "a\x00b", 'quote " \\ \n', "x" * 100_000]
    response = stubs.prediction.Predict(predict_request("serving_default", text=[text.encode() for text in texts]))
    _, body = rest.predict({"inputs": texts})
    assert [value.decode() for value in response.outputs["text"].string_val] == body["outputs"]["text"]
    assert list(response.outputs["score"].float_val) == body["outputs"]["score"]

    matrix = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    response = stubs.prediction.Predict(predict_request("linear", x=matrix))
    _, body = rest.predict({"signature_name": "linear", "instances": matrix.tolist()})
    assert np.array_equal(tf.make_ndarray(response.outputs["y"]), np.array(body["predictions"], np.float32))


def test_output_filter(stubs):
    request = predict_request("", text=["a"])
    request.output_filter.append("score")
    assert list(stubs.prediction.Predict(request).outputs) == ["score"]
    request.output_filter.append("score")
    assert refusal(stubs.prediction.Predict, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "duplicate output tensor alias: score",
    )
    request.output_filter[:] = ["scores"]
    assert refusal(stubs.prediction.Predict, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "output tensor alias not found in signature: scores Outputs expected to be in the set {score,text}.",
    )


def test_an_input_with_a_default_may_be_left_out(stubs):
    x = np.array([1.0, 2.0], np.float32)
    response = stubs.prediction.Predict(predict_request("scaled", x=x))
    assert list(response.outputs["y"].float_val) == [2.0, 4.0]
    response = stubs.prediction.Predict(predict_request("scaled", x=x, factor=np.float32(3)))
    assert list(response.outputs["y"].float_val) == [3.0, 6.0]
    code, details = refusal(stubs.prediction.Predict, predict_request("scaled", factor=np.float32(3)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == (
        "Signature input alias: x(feed name: scaled_x:0) not found in request and no default value provided. "
        "Inputs expected to be in the request {factor}, or default input alias set: factor"
    )


def test_every_type_travels(stubs):
    request = predict_request(
        "kinds", flag=[True], small=np.array([127], np.int8), large=np.array([2**64 - 1], np.uint64)
    )
    outputs = stubs.prediction.Predict(request).outputs
    assert tf.make_ndarray(outputs["flag"]).tolist() == [False]
    assert tf.make_ndarray(outputs["small"]).tolist() == [-128]
    assert tf.make_ndarray(outputs["large"]).tolist() == [2**64 - 1]
    half = stubs.prediction.Predict(predict_request("half", x=np.array([1.5], np.float32))).outputs["y"]
    assert tf.make_ndarray(half).dtype == np.float16 and tf.make_ndarray(half).tolist() == [1.5]


def test_an_empty_batch_is_answered(stubs):
    response = stubs.prediction.Predict(predict_request("", text=np.empty([0], object)))
    assert tf.make_ndarray(response.outputs["text"]).shape == (0,)


def test_messages_beyond_four_megabytes(stubs, server):
    with grpc.insecure_channel(server.grpc_address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        predict = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=predict_pb2.PredictRequest.SerializeToString,
            response_deserializer=predict_pb2.PredictResponse.FromString,
        )
        response = predict(predict_request("echo", data=[b"\xff" * 6_000_000]))
    assert len(response.outputs["data_bytes"].string_val[0]) == 6_000_000


def test_refusals(stubs):
    predict = stubs.prediction.Predict
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    assert refusal(predict, predict_pb2.PredictRequest()) == (invalid, "Missing ModelSpec")
    assert refusal(predict, predict_request("", model="", text=["a"])) == (
        invalid,
        "ModelSpec has no name specified.",
    )
    assert refusal(predict, predict_request("", model="other", text=["a"])) == (
        missing,
        "Servable not found for request: Latest(other)",
    )
    assert refusal(predict, predict_request("", version=9, text=["a"])) == (
        missing,
        "Servable not found for request: Specific(toy, 9)",
    )
    assert refusal(predict, predict_request("", label="stable", text=["a"])) == (
        invalid,
        "Unrecognized servable version label: stable",
    )
    assert refusal(predict, predict_request("no", text=["a"])) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        'Serving signature key "no" not found.',
    )
    assert refusal(predict, predict_request("", text=["a"], x=["b"])) == (
        invalid,
        "input size does not match signature: 2!=1 len({text,x}) != len({text}). "
        "Sent extra: {x}. Missing but required: {}.",
    )
    assert refusal(predict, predict_request("", txet=["a"])) == (
        invalid,
        "Signature input alias: text(feed name: serving_default_text:0) not found in request and no default value "
        "provided. Inputs expected to be in the request {txet}, or default input alias set: ",
    )
    assert refusal(predict, predict_request("scaled", x=np.ones([1], np.float32), fcator=np.float32(1))) == (
        invalid,
        "Inputs contains invalid name. Used request inputs: x, request input: fcator,x",
    )
    assert refusal(predict, predict_request("", text=[1.5])) == (
        invalid,
        "Expects arg[0] to be string but float is provided",
    )


def test_a_damaged_tensor_is_refused(stubs):
    request = predict_request("linear", x=np.ones([1, 2], np.float32))
    request.inputs["x"].tensor_content = b"abc"
    assert refusal(stubs.prediction.Predict, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "tensor parsing error: x",
    )


def test_errors_of_the_graph_keep_their_code_even_when_they_quote_bytes(stubs):
    for value in (b"x", b"\xff"):
        code, details = refusal(stubs.prediction.Predict, predict_request("parse", text=[value]))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "could not correctly convert string" in details
    code, details = refusal(stubs.prediction.Predict, predict_request("parse", text=[b"x" * 5000]))
    assert len(details) == 1024 + len("...TRUNCATED")


def test_metadata(stubs):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "toy"
    response = stubs.prediction.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert response.model_spec.version.value == 1
    assert signatures.signature_def["linear"].inputs["x"].dtype == tf.float32.as_datatype_enum
    request.metadata_field[:] = ["weights"]
    assert refusal(stubs.prediction.GetModelMetadata, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Metadata field weights is not supported",
    )


def test_status(stubs):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "toy"
    (entry,) = stubs.model.GetModelStatus(request).model_version_status
    assert (entry.version, entry.state, entry.status.error_code) == (1, entry.AVAILABLE, 0)
    request.model_spec.name = "other"
    assert refusal(stubs.model.GetModelStatus, request) == (
        grpc.StatusCode.NOT_FOUND,
        "Could not find any versions of model other",
    )


def test_classify_regress_and_multi_inference(stubs):
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name = "toy"
    code, details = refusal(stubs.prediction.Classify, classify)
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "No classification inputs" in details
    regress = regression_pb2.RegressionRequest()
    regress.model_spec.name = "toy"
    regress.model_spec.signature_name = "linear"
    code, details = refusal(stubs.prediction.Regress, regress)
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "No regression inputs" in details
    assert refusal(stubs.prediction.MultiInference, inference_pb2.MultiInferenceRequest())[0] == (
        grpc.StatusCode.UNIMPLEMENTED
    )


def test_health(stubs):
    health = health_pb2_grpc.HealthStub(stubs.channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
