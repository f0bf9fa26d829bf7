"""Predict answers of the REST API, written by TensorFlow Serving's rules."""

import base64
import contextlib

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
    writer = _Writer()
    with writer.object(), writer.member("predictions").array():
        for row in range(rows or 0):
            # The server keeps the elements of arrays in one line while it writes a row, its place in the array too.
            if len(outputs) == 1:
                writer.single_line = True
                ((name, array),) = outputs.items()
                _write(writer, name, array[row])
            else:
                with writer.object():
                    writer.single_line = True
                    for name, array in outputs.items():
                        writer.member(name)
                        _write(writer, name, array[row])
                    writer.single_line = False
            writer.single_line = False
    return writer.body()


def outputs_body(outputs):
    """Returns the answer to a request in column form: the tensors by name, or the only tensor itself.

    Args:
        outputs: dict of output name to array.

    Returns:
        bytes.

    Raises:
        ServingError: INVALID_ARGUMENT, an output has a type unknown to JSON.
    """
    writer = _Writer()
    with writer.object():
        writer.member("outputs")
        if len(outputs) == 1:
            ((name, array),) = outputs.items()
            _write(writer, name, array)
        else:
            with writer.object():
                for name, array in outputs.items():
                    writer.member(name)
                    _write(writer, name, array)
    return writer.body()


class _Writer:
    """JSON in the layout of the server: four blanks a level, elements of arrays in a line each or all in one.

    Attributes:
        single_line: Whether elements of arrays stay in one line.
    """

    def __init__(self):
        self.single_line = False
        self._parts = []
        self._counts = []  # values so far in each open array or object
        self._after_name = False

    def value(self, text):
        """Adds a value, as JSON text."""
        self._begin_value()
        self._parts.append(text)

    def member(self, name):
        """Adds the name of an object's member; its value comes next. Returns the writer."""
        self._separate(in_lines=True)
        self._parts.append(f"{string_text(name.encode())}: ")
        self._after_name = True
        return self

    @contextlib.contextmanager
    def array(self):
        """Context in which the elements of an array are added."""
        self._begin_value()
        self._parts.append("[")
        self._counts.append(0)
        yield
        if self._counts.pop() and not self.single_line:
            self._new_line()
        self._parts.append("]")

    @contextlib.contextmanager
    def object(self):
        """Context in which the members of an object are added."""
        self._begin_value()
        self._parts.append("{")
        self._counts.append(0)
        yield
        if self._counts.pop():
            self._new_line()
        self._parts.append("}")

    def body(self):
        """Returns what was written, bytes."""
        return "".join(self._parts).encode("utf-8", "surrogateescape")

    def _begin_value(self):
        if self._after_name:
            self._after_name = False
        elif self._counts:
            self._separate(in_lines=not self.single_line)

    def _separate(self, in_lines):
        if self._counts[-1]:
            self._parts.append("," if in_lines else ", ")
        self._counts[-1] += 1
        if in_lines:
            self._new_line()

    def _new_line(self):
        self._parts.append("\n" + " " * 4 * len(self._counts))


def _write(writer, name, value):
    """Writes an array, or one element of an array of any type."""
    if isinstance(value, np.ndarray) and value.ndim:
        with writer.array():
            for element in value:
                _write(writer, name, element)
        return
    if isinstance(value, np.ndarray):
        value = value[()]
    if isinstance(value, bytes) and name.endswith("_bytes"):
        with writer.object():
            writer.member("b64").value(f'"{base64.b64encode(value).decode("ascii")}"')
        return
    writer.value(_scalar_text(value))


def _scalar_text(value):
    if isinstance(value, bytes):
        return string_text(value)
    if isinstance(value, (np.float32, np.float64)):  # pyright: ignore[reportArgumentType]
        return number_text(value)
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    dtype = tf.as_dtype(value.dtype)
    if dtype.name not in _INTEGERS:
        raise invalid_argument(f"Failed to write JSON value for tensor type: {type_name(dtype)}")
    return str(value)
