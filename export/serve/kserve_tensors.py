"""Tensors in the JSON of the Open Inference Protocol (KServe V2)."""

import math

import numpy as np
import tensorflow as tf

from export.serve.status import Code, ServingError, invalid_argument

_DATATYPES = {
    "bool": "BOOL",
    **{f"{kind}{size}": f"{kind.upper()}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)},
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
}


def datatype(dtype):
    """The protocol's name of a type that `tf.as_dtype` takes; the type's own name for those that it does not have."""
    name = tf.as_dtype(dtype).name
    return _DATATYPES.get(name, name)


def tensor_metadata(infos):
    """Descriptions of the inputs or outputs of a `SignatureDef`; -1 is any length."""
    return [
        {
            "name": name,
            "datatype": datatype(info.dtype),
            "shape": [-1] if info.tensor_shape.unknown_rank else [dim.size for dim in info.tensor_shape.dim],
        }
        for name, info in sorted(infos.items())
    ]


def read_tensor(given, infos):
    """Name and numpy array of an element of a request's `inputs`.

    Args:
        given: The element.
        infos: `TensorInfo` by name of the signature's inputs.

    Raises:
        ServingError: INVALID_ARGUMENT, naming the input.
    """
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in infos:
        raise invalid_argument(f"inputs: the signature has no input {name!r}; it has {', '.join(sorted(infos))}")
    expected = datatype(infos[name].dtype)
    if given.get("datatype") != expected:
        raise invalid_argument(f"input {name!r} is of datatype {given.get('datatype')!r}; the model takes {expected}")
    shape, data = given.get("shape"), given.get("data")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise invalid_argument(f"input {name!r}: shape must be a list of lengths")
    if not isinstance(data, list):
        raise invalid_argument(f"input {name!r}: data must be a list; tensors as binary data are not taken")
    flat = list(_flat(data))
    if len(flat) != math.prod(shape):
        raise invalid_argument(f"input {name!r} has {len(flat)} values; its shape {shape} needs {math.prod(shape)}")
    return name, _array(name, flat, expected, tf.as_dtype(infos[name].dtype).as_numpy_dtype).reshape(shape)


def _flat(data):
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _array(name, flat, expected, dtype):
    def refused(value):
        return invalid_argument(f"input {name!r}: {value!r:.40} is no {expected}")

    if expected == "BYTES":
        array = np.empty(len(flat), object)
        for place, value in enumerate(flat):
            if not isinstance(value, str):
                raise refused(value)
            try:
                array[place] = value.encode()
            except UnicodeEncodeError:
                raise refused(value) from None
        return array
    kind = np.dtype(dtype).kind
    allowed = {"b": (bool,), "f": (int, float)}.get(kind, (int,))
    for value in flat:
        if type(value) not in allowed:
            raise refused(value)
        if kind in "iu" and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            raise refused(value)
    try:
        return np.array(flat, dtype)
    except OverflowError as error:
        raise refused(max(flat, key=abs)) from error


def written_tensor(name, array):
    """A numpy array as an element of an answer's `outputs`.

    Raises:
        ServingError: UNIMPLEMENTED, for values that JSON does not have.
    """
    values = array.ravel().tolist()
    if array.dtype == object:
        try:
            values = [value.decode("utf-8") for value in values]
        except UnicodeDecodeError as error:
            raise ServingError(Code.UNIMPLEMENTED, f"output {name!r} is not UTF-8, which JSON needs") from error
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ServingError(Code.UNIMPLEMENTED, f"output {name!r} has a number that JSON does not have (NaN, Infinity)")
    dtype = tf.string if array.dtype == object else array.dtype
    return {"name": name, "datatype": datatype(dtype), "shape": list(array.shape), "data": values}
