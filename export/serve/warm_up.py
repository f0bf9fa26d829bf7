"""Replay of a version's recorded warm-up requests before it serves."""

from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from export.serve.classify_regress import check_classify, check_regress
from export.serve.status import Code, ServingError, invalid_argument, serving_error
from export.serve.tensors import from_proto

MAX_RECORDS = 1000


def warm_up(servable, directory):
    """Sends a version the records of `assets.extra/tf_serving_warmup_requests`, if it has any.

    Args:
        servable: `Servable`.
        directory: The version's folder.

    Raises:
        ServingError: a record is damaged or its request failed, or there are more than 1000 records.
    """
    path = Path(directory) / "assets.extra" / "tf_serving_warmup_requests"
    if not path.exists():
        return
    try:
        for count, record in enumerate(tf.data.TFRecordDataset(str(path)).as_numpy_iterator(), start=1):
            _replay(servable, record, path)
            if count > MAX_RECORDS:
                raise invalid_argument(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}")
    except tf.errors.OpError as error:
        raise serving_error(error) from error


def _replay(servable, record, path):
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record from {path}") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        inputs = {name: from_proto(name, tensor) for name, tensor in request.inputs.items()}
        servable.predict(inputs, request.model_spec.signature_name, list(request.output_filter))
    elif kind == "classify_log":
        check_classify(servable, log.classify_log.request.model_spec.signature_name)
    elif kind == "regress_log":
        check_regress(servable, log.regress_log.request.model_spec.signature_name)
    elif kind is not None:
        raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
