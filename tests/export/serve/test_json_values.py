import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.serve.json_values import debug_text, error_body, number_text, parse_object, string_text, to_bytes
from export.serve.status import ServingError


@given(st.floats(width=32))
def test_a_float_comes_back_from_its_text(value):
    value = np.float32(value)
    assert np.array_equal(np.float32(json.loads(number_text(value))), value, equal_nan=True)


@given(st.floats())
def test_a_double_comes_back_from_its_text(value):
    value = np.float64(value)
    assert np.array_equal(np.float64(json.loads(number_text(value))), value, equal_nan=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.2), "0.2"),
        (np.float32(1), "1.0"),
        (np.float32(9000000), "9e+06"),
        (np.float32(0.00003), "3e-05"),
        (np.float32(1 / 3), "0.333333343"),
        (np.float64(1 / 3), "0.33333333333333331"),
        (np.float32(-np.inf), "-Infinity"),
    ],
)
def test_numbers_are_written_short_but_exact(value, text):
    assert number_text(value) == text


@given(st.binary())
def test_strings_keep_every_byte(value):
    text = string_text(value).encode("utf-8", "surrogateescape")
    assert to_bytes(parse_object(b'{"s": ' + text + b"}")["s"]) == value


@given(st.text())
def test_escaped_strings_are_read(value):
    assert to_bytes(parse_object(json.dumps({"s": value}).encode())["s"]) == value.encode()


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc80", "x\\udfff"])
def test_half_a_surrogate_pair_is_refused(escape):
    with pytest.raises(ServingError, match="surrogate pair"):
        parse_object(b'{"s": "' + escape.encode() + b'"}')


def test_offsets_count_bytes():
    body = '{"日本":"" x}'.encode()
    with pytest.raises(ServingError) as caught:
        parse_object(body)
    assert caught.value.message.endswith(f"at offset: {body.index(b'x')}")


def test_integers_beyond_64_bits_become_floats():
    parsed = parse_object(b'{"a": 18446744073709551615, "b": 18446744073709551616, "c": -9223372036854775808}')
    assert parsed == {"a": 2**64 - 1, "b": 2.0**64, "c": -(2**63)}
    assert isinstance(parsed["b"], float)


@pytest.mark.parametrize("body", [b'{"a": 1e400}', b'{"a": ' + b"9" * 5000 + b"}", b'{"a": ' + b"[" * 100_000])
def test_extreme_documents_are_refused(body):
    with pytest.raises(ServingError, match="JSON Parse error"):
        parse_object(body)


def test_what_follows_the_object_is_ignored():
    assert parse_object(b' \n{"a": 1} {"b"') == {"a": 1}
    assert parse_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_quoted_values_are_indented_and_cut_off():
    assert debug_text({"a": [1, {"b": "x"}], "c": {}}) == (
        '{\n    "a": [1, {\n            "b": "x"\n        }],\n    "c": {}\n}'
    )
    assert 256 <= len(debug_text(list(range(1000)))) < 270


def test_errors_may_quote_anything():
    message = 'bad "\n\udcff value'
    assert error_body(message) == b'{\n    "error": "bad \\"\\n\xff value"\n}'
