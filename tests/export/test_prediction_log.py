import numpy as np
import pytest
import tensorflow as tf

from export.prediction_log import decode_predict_log, encode_predict_log

INPUTS = {
    "text": np.array([b"a\x00b", "ö".encode(), b"\xff"], dtype=object),
    "max_new_tokens": np.array([1, 2, 3], np.int32),
    "length_penalty": np.array([0.5, 1.0, 2.0], np.float32),
}


def test_bytes_are_those_of_the_official_message():
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "generate"
    for name, value in INPUTS.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    record = encode_predict_log("generate", INPUTS)
    assert prediction_log_pb2.PredictionLog.FromString(record) == log
    assert record == log.SerializeToString(deterministic=True)


def test_round_trip():
    signature, inputs = decode_predict_log(encode_predict_log("generate", INPUTS))
    assert signature == "generate"
    assert set(inputs) == set(INPUTS)
    for name, value in INPUTS.items():
        assert inputs[name].dtype == value.dtype
        np.testing.assert_array_equal(inputs[name], value)
