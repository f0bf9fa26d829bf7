"""JSON as TensorFlow Serving's REST API reads and writes it: bytes pass through, NaN and Infinity are numbers."""

import json
import math
import re

import numpy as np

from export.serve.status import invalid_argument

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SPACE = re.compile(r"[ \t\n\r]*")
_DEBUG_LIMIT = 256

# The server's words for what Python's decoder finds.
_PARSE_ERRORS = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Illegal trailing comma before end of array": "Invalid value.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid encoding in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Expecting ',' delimiter": "Missing a comma or } after an object member, or a comma or ] after an array element.",
}


class _NumberTooBig(ValueError):
    pass


def _float(text):
    value = float(text)
    if math.isinf(value):
        raise _NumberTooBig
    return value


def _int(text):
    value = int(text) if len(text) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**64 else _float(text)


_DECODER = json.JSONDecoder(parse_float=_float, parse_int=_int)


def parse_object(body):
    """Parses a request body.

    Bytes that are no UTF-8 pass through: they appear as lone surrogates (`surrogateescape`) in the strings. What
    follows the first JSON value is ignored, as the server ignores it.

    Args:
        body: bytes.

    Returns:
        dict.

    Raises:
        ServingError: INVALID_ARGUMENT, not JSON or not an object.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    start = _SPACE.match(text).end()
    if start == len(text):
        raise invalid_argument(f"JSON Parse error: The document is empty. at offset: {start}")
    try:
        value, _ = _DECODER.raw_decode(text, start)
        if (
            _SURROGATE_ESCAPE.search(text)
            and _is_strict(text)
            and not _is_strict(json.dumps(value, ensure_ascii=False))
        ):
            raise invalid_argument("JSON Parse error: The surrogate pair in string is invalid.")
    except json.JSONDecodeError as error:
        reason = _PARSE_ERRORS.get(error.msg.removesuffix(": "), "Invalid value.")
        raise invalid_argument(f"JSON Parse error: {reason} at offset: {len(to_bytes(text[: error.pos]))}") from error
    except _NumberTooBig as error:
        raise invalid_argument("JSON Parse error: Number too big to be stored in double.") from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: nested too deeply") from error
    if not isinstance(value, dict):
        raise invalid_argument(f"JSON Value: {debug_text(value)} Is not object")
    return value


def _is_strict(text):
    """Returns whether a text has no lone surrogates, neither escaped ones nor those that stand for raw bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def to_bytes(string):
    """Returns the bytes of a parsed string.

    Raises:
        ServingError: INVALID_ARGUMENT, the string holds half a surrogate pair.
    """
    try:
        return string.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise invalid_argument("JSON Parse error: The surrogate pair in string is invalid.") from error


def string_text(value):
    """Returns bytes as a JSON string; invalid UTF-8 stays as it is (and makes invalid JSON, as on the server)."""
    return json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)


def number_text(value):
    """Returns a NumPy float32 or float64 as a JSON number: six digits, or as many as bring the value back."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = f"{value:g}"
    if type(value)(text) != value:
        text = f"{value:.9g}" if value.dtype == np.float32 else f"{value:.17g}"
    return text if "." in text or "e" in text else text + ".0"


def type_text(value):
    """Returns the name of a parsed value's JSON type, as it appears in messages."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    for kind, name in ((dict, "Object"), (list, "Array"), (str, "String")):
        if isinstance(value, kind):
            return name
    return "Number"


def debug_text(value):
    """Returns a parsed value as it is quoted in messages: indented, and cut off after 256 bytes."""
    parts, length = [], 0
    for part in _debug_parts(value, 0):
        if length >= _DEBUG_LIMIT:
            break
        parts.append(part)
        length += len(part.encode("utf-8", "surrogatepass"))
    return "".join(parts)


def _debug_parts(value, depth):
    if isinstance(value, dict):
        yield "{"
        for position, (key, member) in enumerate(value.items()):
            yield ("," if position else "") + "\n" + " " * 4 * (depth + 1) + json.dumps(key, ensure_ascii=False) + ": "
            yield from _debug_parts(member, depth + 1)
        yield ("\n" + " " * 4 * depth if value else "") + "}"
    elif isinstance(value, list):
        yield "["
        for position, element in enumerate(value):
            if position:
                yield ", "
            yield from _debug_parts(element, depth + 1)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False)


def error_body(message):
    """Returns the body of an error answer as bytes."""
    return f'{{\n    "error": {json.dumps(message, ensure_ascii=False)}\n}}'.encode("utf-8", "surrogateescape")
