"""TensorFlow Serving's PredictionLog messages, the part that warm-up files need, without tensorflow-serving-api.

The messages below have the field numbers and types of tensorflow_serving/apis/{prediction_log,predict,model}.proto, so
their bytes are those of the official messages; the package name differs so that both can live in one process.
This module needs TensorFlow and protobuf only.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

_PACKAGE = "keras_transformer_zoo.serving"
_Field = descriptor_pb2.FieldDescriptorProto


def _prediction_log_class():
    proto_file = descriptor_pb2.FileDescriptorProto(
        name="keras_transformer_zoo/prediction_log.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[tensor_pb2.DESCRIPTOR.name],
    )

    def message(name, fields, parent=None):
        target = (parent.nested_type if parent is not None else proto_file.message_type).add(name=name)
        for number, field_name, type_name, label in fields:
            field = target.field.add(name=field_name, number=number, label=label)
            if type_name is None:
                field.type = _Field.TYPE_STRING
            else:
                field.type = _Field.TYPE_MESSAGE
                field.type_name = type_name
        return target

    one, many = _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
    message("ModelSpec", [(1, "name", None, one), (3, "signature_name", None, one)])
    request = message(
        "PredictRequest",
        [
            (1, "model_spec", f".{_PACKAGE}.ModelSpec", one),
            (2, "inputs", f".{_PACKAGE}.PredictRequest.InputsEntry", many),
        ],
    )
    entry = message(
        "InputsEntry", [(1, "key", None, one), (2, "value", ".tensorflow.TensorProto", one)], parent=request
    )
    entry.options.map_entry = True
    message("PredictLog", [(1, "request", f".{_PACKAGE}.PredictRequest", one)])
    message("PredictionLog", [(6, "predict_log", f".{_PACKAGE}.PredictLog", one)])
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(proto_file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.PredictionLog"))


_PredictionLog: Any = _prediction_log_class()


def encode_predict_log(signature, inputs):
    """One request as the bytes of a PredictionLog.

    Args:
        signature: the signature's name.
        inputs: dict from input name to a numpy array; texts are arrays of `bytes` objects.

    Returns:
        bytes.
    """
    log = _PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log.SerializeToString(deterministic=True)


def decode_predict_log(record):
    """The inverse of `encode_predict_log`.

    Args:
        record: bytes of a PredictionLog.

    Returns:
        The signature's name, and a dict from input name to numpy array.
    """
    request = _PredictionLog.FromString(record).predict_log.request
    return request.model_spec.signature_name, {
        name: np.asarray(tf.make_ndarray(value)) for name, value in request.inputs.items()
    }
