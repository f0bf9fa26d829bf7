"""The requests of a parity check, with Python's answers to those that have one."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from export.errors import VerificationError, shorten_message
from export.served_form import least_value
from export.signatures import SERVING_DEFAULT
from zoo.tasks.task import TextControl

# Used where a preset brings no validation lines; any language model has an answer to them.
BUILT_IN_TEXTS = (
    "A man rides a horse along the beach.",
    "Two children are playing with a red ball in the garden.",
    "The train leaves at half past nine on Monday, 3 March 2025.",
    "Her new bicycle cost 1,249.99 euros, about twelve percent less than last year.",
    "Nobody knew why the old lighthouse had gone dark.",
    "Is there a pharmacy near the station?",
    "Stop!",
    "Ein Mann reitet auf einem Pferd den Strand entlang.",
    "Le café est fermé jusqu'à demain matin.",
    "В саду растут яблони.",
    "猫が窓の外を見ている。",
    "https://example.org/a?b=c&d=%20e — an address in the middle of a line",
)

# Texts that tend to break tokenizers and servers. The over-long line is added by length in tokens.
DIFFICULT_TEXTS = (
    b"",
    b"   ",
    b"\t \r\n",
    "😀 👩‍👩‍👧‍👦 🇩🇪 👍🏽".encode(),
    b"\xff\xfe caf\xc3 \xe2\x82 \xed\xa0\x80 \xf5",
    b"a\x00b\x00",
    "é̂̃ \u200b\u202eabc \ufeff\ufffd".encode(),
    b"x" * 1000,
)

_NUM_ALONE = 8


@dataclass
class ParityRequest:
    """One request.

    Attributes:
        signature: the signature's name.
        inputs: dict of numpy arrays of shape [B]; texts are `bytes` objects.
        expected: Python's answer, a dict of numpy arrays with first dimension B; None where a refusal is due.
        refused_name: the input whose name the refusal must start with.
        errors: dict from rows whose controls are out of bounds to what their output `error` must say.
        ask: Python's function of the signature, from tensors by input name to tensors by output name.
    """

    signature: str
    inputs: dict
    expected: dict | None = None
    refused_name: str | None = None
    errors: dict = field(default_factory=dict)
    ask: Callable | None = field(default=None, repr=False)

    def describe(self, row=None):
        """The request, or one of its rows, in a few words for an error message."""
        rows = len(self.inputs["text"])
        if row is None:
            return f"{self.signature} with {rows} rows"
        controls = ", ".join(f"{name}={str(value[row])[:80]}" for name, value in self.inputs.items() if name != "text")
        text = self.inputs["text"][row].decode("utf-8", "backslashreplace")
        where = "alone" if rows == 1 else f"row {row} of {rows}"
        return f"{self.signature}({text[:80]!r}{', ' + controls if controls else ''}), {where}"


def answer_requests(task, texts, texts_by_bucket, batch_size, row_errors=False):
    """Requests that must be answered as Python answers.

    Args:
        task: a `zoo.tasks.task.Task`.
        texts: list of str or bytes.
        texts_by_bucket: dict from a length in tokens to a text (bytes) of that length.
        batch_size: most rows in a request.
        row_errors: whether rows with controls out of bounds get an `error` among rows that are answered.

    Returns:
        list of `ParityRequest`. Rows that are sent alone carry Python's answer for them inside a batch, so they also
        show that a row does not depend on its neighbours; of a task that draws at random, Python's answer for them
        alone, since rounding, which depends on the shape of a batch, decides a draw now and then.

    Raises:
        VerificationError: if Python itself fails on one of them.
    """
    texts = [text.encode("utf-8") if isinstance(text, str) else text for text in texts]
    long_text = max(texts_by_bucket.values(), key=len)
    difficult = [*DIFFICULT_TEXTS, b" ".join([long_text] * 3)]
    groups = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
    answer = _traced(task, {})
    plain = [
        _answered(answer, SERVING_DEFAULT, group) for group in [*groups, difficult, list(texts_by_bucket.values()), []]
    ]
    alone = [row for request in plain[len(groups) :] for row in _alone(task, answer, request)]
    alone += _alone(task, answer, plain[0], _NUM_ALONE)
    requests = plain + alone
    if task.controls:
        answer_controlled, name = _traced(task, task.controls), task.controls_signature
        texts = [*texts[:_NUM_ALONE], b"", *texts_by_bucket.values()][:batch_size]
        for controls in (_default_controls(task, len(texts)), _varied_controls(task, len(texts))):
            request = _answered(answer_controlled, name, texts, controls)
            requests += [request, *_alone(task, answer_controlled, request, _NUM_ALONE)]
        requests.append(_answered(answer_controlled, name, [], _default_controls(task, 0)))
        if row_errors:
            requests += _judged(task, answer_controlled, texts, batch_size)
    for name, further in task.further_signatures.items():
        answer = _traced_texts(further)
        for group in (texts[:batch_size], difficult, []):
            # The other inputs hold the texts of the rows after.
            others = {each: _text_array(group[1:] + group[:1]) for each in further.inputs[1:]}
            request = _answered(answer, name, group, others)
            requests += [request, *_rows(request)[:_NUM_ALONE]]
    return requests


def request_for(task, texts):
    """Texts for `serving_default` with Python's answer, a `ParityRequest`."""
    texts = [text.encode("utf-8") if isinstance(text, str) else text for text in texts]
    return _answered(_traced(task, {}), SERVING_DEFAULT, texts)


def refusal_requests(task, row_errors=False):
    """Requests that must be refused with a message that starts with a control's name.

    With `row_errors` values out of bounds are none of them: `answer_requests` has those.
    """
    requests = []
    signature = task.controls_signature
    for name, control in task.controls.items():
        for value in () if row_errors else _values_out_of_bounds(control):
            inputs = {"text": _text_array([b"A text."]), **_default_controls(task, 1)}
            value = _control_values(control, [value])
            requests.append(ParityRequest(signature, {**inputs, name: value}, refused_name=name))
        inputs = {"text": _text_array([b"One text.", b"Another.", b"A third."]), **_default_controls(task, 3)}
        requests.append(ParityRequest(signature, {**inputs, name: inputs[name][:2]}, refused_name=name))
    for signature, further in task.further_signatures.items():
        for name in further.inputs[1:]:
            inputs = {each: _text_array([b"One text.", b"Another."]) for each in further.inputs}
            requests.append(ParityRequest(signature, {**inputs, name: inputs[name][:1]}, refused_name=name))
    return requests


def expected_signatures(task):
    """Input types by signature and input name."""
    signatures = {SERVING_DEFAULT: {"text": "string"}}
    if task.controls:
        controls = {name: control.dtype for name, control in task.controls.items()}
        signatures[task.controls_signature] = {"text": "string", **controls}
    for name, further in task.further_signatures.items():
        signatures[name] = dict.fromkeys(further.inputs, "string")
    return signatures


def _traced(task, controls):
    """`task.predict_batch` traced once for all batch sizes, as in `task(texts)`; step by step it would take minutes."""
    specs = {name: tf.TensorSpec([None], control.dtype, name=name) for name, control in controls.items()}
    function = tf.function(task.predict_batch, autograph=False)
    return function.get_concrete_function(tf.TensorSpec([None], tf.string, name="text"), **specs)


def _traced_texts(further):
    """The function of a `TextSignature` traced once for all batch sizes."""
    specs = {name: tf.TensorSpec([None], tf.string, name=name) for name in further.inputs}
    return tf.function(further.function, autograph=False).get_concrete_function(**specs)


def _answered(answer, signature, texts, others=None):
    inputs = {"text": _text_array(texts), **(others or {})}
    # An empty object array has no string type, so it is stated.
    tensors = {
        name: tf.constant(value.tolist(), tf.string if value.dtype == object else value.dtype, value.shape)
        for name, value in inputs.items()
    }
    try:
        outputs = answer(**tensors)
    except tf.errors.OpError as error:
        raise VerificationError(
            f"Python itself cannot answer {signature} with {len(texts)} rows", [shorten_message(error.message)]
        ) from error
    return ParityRequest(signature, inputs, {name: value.numpy() for name, value in outputs.items()}, ask=answer)


def _judged(task, answer, texts, batch_size):
    """Requests in which rows with controls out of bounds stand among others: each value alone, then all at once."""
    bad = [{name: value} for name, control in task.controls.items() for value in _values_out_of_bounds(control)]
    bad.append({name: value for row in bad for name, value in row.items()})
    rows = [row for pair in bad for row in ({}, pair)]
    requests = []
    for start in range(0, len(rows), batch_size):
        group = rows[start : start + batch_size]
        asked = [texts[(start + place) % len(texts)] for place in range(len(group))]
        sent, read = _default_controls(task, len(group)), _default_controls(task, len(group))
        errors = {}
        for place, values in enumerate(group):
            if not values:
                continue
            errors[place] = "; ".join(_reason(name, task.controls[name]) for name in task.controls if name in values)
            for name, control in task.controls.items():
                read[name][place] = least_value(control).numpy()
                if name in values:
                    sent[name][place] = _control_values(control, [values[name]])[0]
        # A row out of bounds is read as an empty text with the least values; of its answer nothing is given.
        texts_read = [b"" if place in errors else text for place, text in enumerate(asked)]
        request = _answered(answer, task.controls_signature, texts_read, read)
        expected = {name: value.copy() for name, value in request.expected.items()}
        for value in expected.values():
            value[list(errors)] = b"" if value.dtype == object else 0
        inputs = {"text": _text_array(asked), **sent}
        requests.append(ParityRequest(request.signature, inputs, expected, errors=errors))
    return requests


def _reason(name, control):
    if isinstance(control, TextControl):
        return f"{name} must have at most {control.most_bytes} bytes"
    return f"{name} must be between {control.minimum} and {control.maximum}"


def _alone(task, answer, request, most=None):
    """Requests of a single row each, with Python's answers."""
    rows = _rows(request)[:most]
    if not task.draws:
        return rows
    return [
        _answered(
            answer, row.signature, row.inputs["text"].tolist(), {k: v for k, v in row.inputs.items() if k != "text"}
        )
        for row in rows
    ]


def _rows(request):
    return [
        ParityRequest(
            request.signature,
            {name: value[row : row + 1] for name, value in request.inputs.items()},
            {name: value[row : row + 1] for name, value in request.expected.items()},
            ask=request.ask,
        )
        for row in range(len(request.inputs["text"]))
    ]


def _text_array(texts):
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _default_controls(task, rows):
    return {
        name: np.repeat(_control_values(control, [control.default]), rows) for name, control in task.controls.items()
    }


def _varied_controls(task, rows):
    """Row by row the least value of a control, one half way to its default, and the default, in different orders.

    Of a text control its trial values and the default.
    """
    varied = {}
    for order, (name, control) in enumerate(task.controls.items()):
        if isinstance(control, TextControl):
            # Its turn comes first, since a batch has few rows.
            values, order = [*control.trials, control.default], 0
        else:
            values = [control.minimum, (control.minimum + control.default) / 2, control.default]
        values = _control_values(control, values)
        varied[name] = values[(np.arange(rows) // 3**order) % len(values)]
    return varied


def _control_values(control, values):
    """Values of a control as an array [n] as requests hold it: texts as bytes, numbers in the control's dtype."""
    if isinstance(control, TextControl):
        return _text_array([value.encode() for value in values])
    return np.array(values).astype(tf.as_dtype(control.dtype).as_numpy_dtype)


def _values_out_of_bounds(control):
    if isinstance(control, TextControl):
        return ["x" * (control.most_bytes + 1)]
    dtype = tf.as_dtype(control.dtype).as_numpy_dtype
    if np.issubdtype(dtype, np.floating):
        return [control.minimum - 1.0, control.maximum + 1.0, float("nan")]
    limits = np.iinfo(dtype)
    return [value for value in (control.minimum - 1, control.maximum + 1) if limits.min <= value <= limits.max]
