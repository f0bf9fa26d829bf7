"""Predict request bodies of the REST API, read by TensorFlow Serving's rules."""

import base64
import binascii
import math

import numpy as np
import tensorflow as tf

from export.serve.json_values import debug_text, to_bytes, type_text
from export.serve.status import Code, ServingError, invalid_argument
from export.serve.tensors import type_name

_INT_RANGES = {
    "int8": (-(2**31), 2**31),
    "int16": (-(2**31), 2**31),
    "int32": (-(2**31), 2**31),
    "uint8": (-(2**31), 2**31),
    "int64": (-(2**63), 2**63),
    "uint32": (0, 2**32),
    "uint64": (0, 2**64),
}


def signature_name(document):
    """Returns the optional `signature_name` of a request, or an empty string.

    Raises:
        ServingError: INVALID_ARGUMENT, it is no string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise _refused(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return name


def read_inputs(document, infos):
    """Reads the tensors of a request in row form (`instances`) or column form (`inputs`).

    Args:
        document: dict, the parsed body.
        infos: dict of input name to `TensorInfo`, from the signature.

    Returns:
        (inputs, is_row_form): a dict of name to array, and whether the answer is in row form too.

    Raises:
        ServingError: INVALID_ARGUMENT, with the server's message.
    """
    if "instances" in document and "inputs" in document:
        raise _refused(document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
    if "instances" in document:
        instances = document["instances"]
        if not isinstance(instances, list):
            raise _refused(document, "Expecting 'instances' to be an list/array")
        if not instances:
            raise _refused(document, "No values in 'instances' array")
        return _read_rows(instances, infos), True
    if "inputs" in document:
        return _read_columns(document["inputs"], infos), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def check_examples(document):
    """Refuses a Classify or Regress body that the server would refuse before looking at the signature.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    if "examples" not in document:
        raise _refused(document, "When method is classify, key 'examples' is expected and was not found")
    examples = document["examples"]
    if not isinstance(examples, list):
        raise _refused(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise _refused(document, "'examples' value is an empty array")
    for example in examples:
        if not isinstance(example, dict):
            raise invalid_argument(f"Example must be JSON object but got JSON {type_text(example)}")


def _read_rows(instances, infos):
    if not isinstance(instances[0], dict) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    named = _is_named(instances[0])
    columns = {}  # name -> (shape of one row, values of all rows)
    for index, row in enumerate(instances):
        if named != _is_named(row):
            found, expected = ("list", "object") if named else ("object", "value/list")
            raise invalid_argument(f"Expecting {expected} but got {found} at item {index} of input list")
        for name, value in row.items() if named else [(min(infos), row)]:
            try:
                _add_row(columns, name, value, infos)
            except ServingError as error:
                key = f" key: {name}" if named else ""
                raise invalid_argument(
                    f"Failed to process element: {index}{key} of 'instances' list. Error: {error}"
                ) from error
        if named and set(row) != set(infos):
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: {debug_text(row)} "
                f"keys must be equal to: {','.join(sorted(infos))}"
            )
    return {
        name: _array(values, [len(instances), *shape], infos[name].dtype) for name, (shape, values) in columns.items()
    }


def _add_row(columns, name, value, infos):
    if name not in infos:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    shape = _dense_shape(value)
    values = _flatten(value, shape, infos[name].dtype)
    first_shape, gathered = columns.setdefault(name, (shape, []))
    if len(values) != math.prod(first_shape):
        raise invalid_argument(f"Expecting tensor size: {math.prod(first_shape)} but got: {len(values)}")
    if shape != first_shape:
        raise invalid_argument(f"Expecting shape {_brackets(first_shape)} but got: {_brackets(shape)}")
    gathered.extend(values)


def _read_columns(value, infos):
    if not _is_named(value):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        value = {min(infos): value}
    inputs = {}
    for name, info in sorted(infos.items()):
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        shape = _dense_shape(value[name])
        inputs[name] = _array(_flatten(value[name], shape, info.dtype), shape, info.dtype)
    return inputs


def _is_named(value):
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value):
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _dense_shape(value):
    """Returns the shape that the first elements suggest; `_flatten` checks the others against it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _flatten(value, shape, dtype):
    values = []
    _fill(value, 0, shape, tf.as_dtype(dtype), values)
    return values


def _fill(value, level, shape, dtype, values):
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {debug_text(value)} found at incorrect level: {level + 1} "
                f"in the JSON DOM. Expected at level: {len(shape)}"
            )
        values.append(_scalar(value, dtype))
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for element in value:
        _fill(element, level + 1, shape, dtype, values)


def _scalar(value, dtype):
    if dtype == tf.string:
        if isinstance(value, dict):
            return _decode_base64(value)
        fits = isinstance(value, str)
    elif isinstance(value, dict):
        fits = False
    elif dtype in (tf.float32, tf.float64):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif dtype == tf.bool:
        fits = isinstance(value, bool)
    elif dtype.name in _INT_RANGES:
        low, high = _INT_RANGES[dtype.name]
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value < high
    else:
        raise ServingError(
            Code.UNIMPLEMENTED, f"Conversion of JSON Value: {debug_text(value)} to type: {type_name(dtype)}"
        )
    if not fits:
        raise _refused(value, f"Type: {type_text(value)} is not of expected type: {type_name(dtype)}")
    return to_bytes(value) if dtype == tf.string else value


def _decode_base64(value):
    if not _is_base64(value):
        raise _refused(value, "not formatted correctly for base64 data")
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        # Padding may be missing, as the server's decoder allows.
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("Unable to base64 decode") from error


def _array(values, shape, dtype):
    dtype = tf.as_dtype(dtype)
    if dtype == tf.string:
        array = np.empty(len(values), dtype=object)
        array[:] = values
    elif dtype.name in ("int8", "int16", "uint8"):
        array = np.array(values, dtype=np.int32).astype(dtype.as_numpy_dtype)  # wraps around, as the server does
    else:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=np.float64 if dtype == tf.float32 else dtype.as_numpy_dtype)
            array = array.astype(dtype.as_numpy_dtype)
    return array.reshape(shape)


def _brackets(shape):
    return "[" + ",".join(str(size) for size in shape) + "]"


def _refused(value, reason):
    return invalid_argument(f"JSON Value: {debug_text(value)} {reason}")
