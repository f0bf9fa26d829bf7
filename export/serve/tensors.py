"""Conversions between `TensorProto` messages and NumPy arrays, in the layout TensorFlow Serving sends."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from export.serve.status import invalid_argument

# DataType names as the C++ runtime writes them in messages, where they differ from Python's.
_CPP_NAMES = {"float32": "float", "float64": "double", "float16": "half"}

# The repeated field of a TensorProto that holds each type's values.
_VALUE_FIELDS = {
    "string": "string_val",
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "int16": "int_val",
    "int8": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
}


def type_name(dtype):
    """Returns the C++ runtime's name of a type (`float`, not `float32`); `dtype` is anything `tf.as_dtype` takes."""
    name = tf.as_dtype(dtype).name
    return _CPP_NAMES.get(name, name)


def from_proto(name, proto):
    """Returns the array of a request's `TensorProto`; strings become an object array of bytes.

    Raises:
        ServingError: INVALID_ARGUMENT, the message cannot be read as a tensor.
    """
    try:
        if proto.dtype == tf.string.as_datatype_enum:
            return _strings(proto)
        return tf.make_ndarray(proto)
    except (TypeError, ValueError, MemoryError) as error:
        raise invalid_argument(f"tensor parsing error: {name}") from error


def _strings(proto):
    shape = [dim.size for dim in proto.tensor_shape.dim]
    values = list(proto.string_val)
    # A message may leave out trailing repetitions of its last value.
    values += [values[-1] if values else b""] * (math.prod(shape) - len(values))
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


def to_proto(array):
    """Returns an array as a `TensorProto`.

    The values go into the typed fields (`float_val`, `string_val`, ...) as the server's default is, because clients in
    the wild read those fields; `tf.make_tensor_proto` would pack them into `tensor_content`.
    """
    dtype = tf.as_dtype(array.dtype)
    field = _VALUE_FIELDS.get(dtype.name)
    if field is None:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, field).extend(array.ravel().tolist())
    return proto
