"""Predict answers of the REST API, written by TensorFlow Serving's rules."""

import base64

import numpy as np
import tensorflow as tf

from export.serve.json_values import number_text, string_text
from export.serve.status import invalid_argument
from export.serve.tensors import type_name

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")


def predictions_body(outputs):
    """Returns the answer to a request in row form: one element per row, an object if there are several outputs.

    Args:
        outputs: dict of output name to array [B, ...].

    Returns:
        bytes.

    Raises:
        ServingError: INVALID_ARGUMENT, an output has no batch dimension, another batch size or a type unknown to JSON.
    """
    rows = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if rows is not None and len(array) != rows:
            raise invalid_argument(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}")
        rows = len(array)
    columns = {name: [_text(name, row) for row in array] for name, array in outputs.items()}
    if len(columns) == 1:
        (elements,) = columns.values()
    else:
        elements = [_object({name: texts[row] for name, texts in columns.items()}, 8) for row in range(rows)]
    return _body("predictions", "[\n        " + ",\n        ".join(elements) + "\n    ]" if elements else "[]")


def outputs_body(outputs):
    """Returns the answer to a request in column form: the tensors by name, or the only tensor itself.

    Args:
        outputs: dict of output name to array.

    Returns:
        bytes.

    Raises:
        ServingError: INVALID_ARGUMENT, an output has a type unknown to JSON.
    """
    texts = {name: _text(name, array) for name, array in outputs.items()}
    return _body("outputs", _object(texts, 4) if len(texts) > 1 else next(iter(texts.values())))


def _body(key, text):
    return f'{{\n    "{key}": {text}\n}}'.encode("utf-8", "surrogateescape")


def _object(members, indent):
    inner = ",\n".join(f"{' ' * (indent + 4)}{string_text(name.encode())}: {text}" for name, text in members.items())
    return "{\n" + inner + "\n" + " " * indent + "}"


def _text(name, value):
    """Returns an array, or one element of an array of any type, as JSON text."""
    if isinstance(value, np.ndarray) and value.ndim:
        return "[" + ", ".join(_text(name, element) for element in value) + "]"
    if isinstance(value, np.ndarray):
        value = value[()]
    if isinstance(value, bytes):
        if name.endswith("_bytes"):
            return '{"b64": "' + base64.b64encode(value).decode("ascii") + '"}'
        return string_text(value)
    if isinstance(value, np.float32 | np.float64):
        return number_text(value)
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    dtype = tf.as_dtype(value.dtype)
    if dtype.name not in _INTEGERS:
        raise invalid_argument(f"Failed to write JSON value for tensor type: {type_name(dtype)}")
    return str(value)
