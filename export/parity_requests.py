"""The requests of a parity check, with Python's answers to those that have one."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import tensorflow as tf

from export.asked_lengths import AskedLengths
from export.errors import VerificationError, shorten_message
from export.input_rows import input_columns, input_rows, text_array
from export.served_form import least_value, stand_in, trial_value
from zoo.tasks.controls import refusal
from zoo.tasks.required_texts import blank_refusal
from zoo.tasks.signature import SERVING_DEFAULT
from zoo.tasks.text_control import TextControl

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

# Texts that tend to break tokenizers and servers. An over-long line is added where the longest input is checked.
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

_FEW = 8
_BLANK = b" "


@dataclass
class ParityRequest:
    """One request.

    Attributes:
        signature: the signature's name.
        inputs: dict of numpy arrays of shape [B]; texts are `bytes` objects.
        texts: names of the inputs that are texts, others are controls.
        expected: Python's answer, a dict of numpy arrays with first dimension B; None where a refusal is due.
        refused_name: the input whose name the refusal must start with.
        errors: dict from rows that are refused to what their output `error` must say.
        ask: Python's function of the signature, from tensors by input name to tensors by output name.
        once: whether its rows are asked nowhere else, in a call of the task neither.
    """

    signature: str
    inputs: dict
    texts: tuple[str, ...]
    expected: dict | None = None
    refused_name: str | None = None
    errors: dict = field(default_factory=dict)
    ask: Callable | None = field(default=None, repr=False)
    once: bool = False

    @property
    def num_rows(self):
        """B."""
        return len(self.inputs[self.texts[0]])

    def row_texts(self, row):
        """The texts of a row, list of bytes."""
        return [self.inputs[name][row] for name in self.texts]

    def row(self, row):
        """The inputs of a row alone, arrays of shape [1] by name."""
        return {name: value[row : row + 1] for name, value in self.inputs.items()}

    def describe(self, row=None):
        """The request, or one of its rows, in a few words for an error message."""
        if row is None:
            return f"{self.signature} with {self.num_rows} rows"
        shown = [repr(text.decode("utf-8", "backslashreplace")[:80]) for text in self.row_texts(row)]
        shown += [f"{name}={str(value[row])[:80]}" for name, value in self.inputs.items() if name not in self.texts]
        where = "alone" if self.num_rows == 1 else f"row {row} of {self.num_rows}"
        return f"{self.signature}({', '.join(shown)}), {where}"


def answer_requests(task, examples, examples_by_bucket, batch_size, row_errors=False):
    """Requests that must be answered as Python answers.

    `serving_default` and one request of each other signature have the defaults of controls; the rest those for trials.
    Long inputs of a large model are asked one by one: all of `serving_default`, of other signatures the longest.

    Args:
        task: a `zoo.tasks.task.Task`.
        examples: as `input_rows` takes them.
        examples_by_bucket: dict from a length in tokens to an example of that length.
        batch_size: most rows in a request.
        row_errors: whether rows with controls out of bounds get an `error` among rows that are answered.

    Returns:
        list of `ParityRequest`. Rows that are sent alone carry Python's answer for them inside a batch, so they also
        show that a row does not depend on its neighbours; of a task that draws at random, Python's answer for them
        alone, since rounding, which depends on the shape of a batch, decides a draw now and then.

    Raises:
        VerificationError: if Python itself fails on one of them.
    """
    lengths = AskedLengths(task)
    rows = input_rows(task.inputs, examples)
    by_bucket = input_rows(task.inputs, examples_by_bucket.values())
    longest = max(by_bucket, key=lambda row: sum(map(len, row.values())))
    difficult = input_rows(task.inputs, DIFFICULT_TEXTS)
    if max(examples_by_bucket) == task.max_source_length:
        difficult.append({name: b" ".join([text] * 3) for name, text in longest.items()})
    requests = []
    for name, signature in task.signatures.items():
        ask = _Asked(name, signature)
        allowed = [[row for row in each if _is_allowed(signature, row)] for each in (rows, difficult, by_bucket)]
        (short, hard, steps), long = zip(*map(lengths.apart, allowed), strict=True)
        groups = [short[start : start + batch_size] for start in range(0, len(short), batch_size)]
        empty = [row for row in input_rows(task.inputs, [b""]) if _is_allowed(signature, row)]
        few = ([*short[:_FEW], *empty, *steps] or [row for rows in long for row in rows[:1]])[:batch_size]
        if name == SERVING_DEFAULT:
            plain = [ask(group) for group in [*groups, hard, steps, []]]
            requests += plain
            if not lengths.large:
                requests += [row for request in plain[len(groups) :] for row in ask.alone(request)]
            requests += ask.alone(plain[0], lengths.alone)
            requests += [replace(ask([row]), once=True) for row in itertools.chain(*long)]
            requests += _judged(ask, few, batch_size) if row_errors and signature.required else []
            continue
        if signature.controls:
            requests.append(ask(few[:1], _default_controls(signature.controls, 1)))
            for controls in (_trial_controls, _varied_controls):
                request = ask(few, controls(signature.controls, len(few)))
                requests += [request, *ask.alone(request, lengths.alone)]
            requests.append(ask([], _default_controls(signature.controls, 0)))
            requests += _judged(ask, few, batch_size) if row_errors else []
        else:
            for group in (few, hard, []):
                request = ask(group)
                requests += [request, *ask.alone(request, lengths.alone)]
            requests += _judged(ask, few, batch_size) if row_errors and signature.required else []
        requests += [ask([row], _trial_controls(signature.controls, 1)) for row in long[-1][-1:]]
    return requests


def _is_allowed(signature, row):
    """Whether no text of a row is blank where a signature requires any: it may stand for one that rows do not name."""
    return not signature.required or all(text.strip() for text in row.values())


def request_for(task, examples):
    """Examples for `serving_default` with Python's answer, a `ParityRequest`."""
    return _Asked(SERVING_DEFAULT, task.signatures[SERVING_DEFAULT])(input_rows(task.inputs, examples))


def refusal_requests(task, row_errors=False):
    """Requests that must be refused with a message that starts with the name of a control or of a required text.

    With `row_errors` values out of bounds and blank texts are none of them: `answer_requests` has those.
    """
    requests = []
    for name, signature in task.signatures.items():
        texts, controls = signature.inputs, signature.controls
        one, three = (
            {**input_columns(texts, input_rows(texts, group)), **_default_controls(controls, len(group))}
            for group in (["A text."], ["One text.", "Another.", "A third."])
        )
        for key, control in controls.items():
            for value in () if row_errors else _values_out_of_bounds(control):
                inputs = {**one, key: _control_values(control, [value])}
                requests.append(ParityRequest(name, inputs, texts, refused_name=key))
        for key in () if row_errors else signature.required:
            requests.append(ParityRequest(name, {**one, key: text_array([_BLANK])}, texts, refused_name=key))
        for key in (*texts[1:], *controls):
            requests.append(ParityRequest(name, {**three, key: three[key][:2]}, texts, refused_name=key))
    return requests


def expected_signatures(task):
    """Input types by signature and input name."""
    return {
        name: {
            **dict.fromkeys(signature.inputs, "string"),
            **{key: control.dtype for key, control in signature.controls.items()},
        }
        for name, signature in task.signatures.items()
    }


class _Asked:
    """Python's function of a signature, traced once for all batch sizes; step by step it would take minutes."""

    def __init__(self, name, signature):
        self.name, self.signature = name, signature
        # What is drawn depends on the shape of a batch; see `answer_requests`.
        self._draws = signature.draws
        dtypes = {**dict.fromkeys(signature.inputs, "string"), **{k: v.dtype for k, v in signature.controls.items()}}
        specs = {key: tf.TensorSpec([None], dtype, name=key) for key, dtype in dtypes.items()}
        self._answer = tf.function(signature.function, autograph=False).get_concrete_function(**specs)

    def __call__(self, rows, controls=None):
        """The request of some rows with its answer."""
        return self.of_inputs({**input_columns(self.signature.inputs, rows), **(controls or {})})

    def of_inputs(self, inputs):
        """The request of some inputs, arrays by name, with its answer."""
        request = ParityRequest(self.name, inputs, self.signature.inputs, ask=self._answer)
        # An empty object array has no string type, so it is stated.
        tensors = {
            name: tf.constant(value.tolist(), tf.string if value.dtype == object else value.dtype, value.shape)
            for name, value in inputs.items()
        }
        try:
            outputs = self._answer(**tensors)
        except tf.errors.OpError as error:
            raise VerificationError(
                f"Python itself cannot answer {request.describe()}", [shorten_message(error.message)]
            ) from error
        request.expected = {name: value.numpy() for name, value in outputs.items()}
        return request

    def alone(self, request, most=None):
        """Requests of a single row each, with Python's answers."""
        rows = range(request.num_rows)[:most]
        if self._draws:
            return [self.of_inputs(request.row(row)) for row in rows]
        return [
            ParityRequest(
                self.name,
                request.row(row),
                request.texts,
                {name: value[row : row + 1] for name, value in request.expected.items()},
                ask=request.ask,
            )
            for row in rows
        ]


def _judged(ask, rows, batch_size):
    """Requests in which rows that are refused stand among others: each value alone, then all at once."""
    controls, required = ask.signature.controls, ask.signature.required
    messages = {name: blank_refusal(name) for name in required}
    messages |= {name: refusal(name, control) for name, control in controls.items()}
    bad = [{name: _BLANK} for name in required]
    bad += [{name: value} for name, control in controls.items() for value in _values_out_of_bounds(control)]
    bad.append({name: value for values in bad for name, value in values.items()})
    pairs = [values for one in bad for values in ({}, one)]
    requests = []
    for start in range(0, len(pairs), batch_size):
        group = pairs[start : start + batch_size]
        asked = input_columns(ask.signature.inputs, [rows[(start + place) % len(rows)] for place in range(len(group))])
        sent, read = _trial_controls(controls, len(group)), _trial_controls(controls, len(group))
        errors = {}
        for place, values in enumerate(group):
            if not values:
                continue
            errors[place] = "; ".join(message for name, message in messages.items() if name in values)
            for name in values.keys() & asked.keys():
                asked[name][place] = values[name]
            for name, control in controls.items():
                read[name][place] = least_value(control).numpy()
                if name in values:
                    sent[name][place] = _control_values(control, [values[name]])[0]
        # Such a row is read as texts of next to nothing with the least values; of its answer nothing is given.
        texts = {name: column.copy() for name, column in asked.items()}
        for name, place in itertools.product(texts, errors):
            texts[name][place] = stand_in(ask.signature, name).encode()
        request = ask.of_inputs({**texts, **read})
        expected = {name: value.copy() for name, value in request.expected.items()}
        for value in expected.values():
            value[list(errors)] = b"" if value.dtype == object else 0
        requests.append(ParityRequest(ask.name, {**asked, **sent}, request.texts, expected, errors=errors))
    return requests


def _default_controls(controls, rows):
    return {name: np.repeat(_control_values(control, [control.default]), rows) for name, control in controls.items()}


def _trial_controls(controls, rows):
    """The defaults, or where there is one the value for trials."""
    return {
        name: np.repeat(_control_values(control, [trial_value(control)]), rows) for name, control in controls.items()
    }


def _varied_controls(controls, rows):
    """Row by row the least value of a control, one half way to its trial value, and this one, in different orders.

    Of a text control its trial values and the default.
    """
    varied = {}
    for order, (name, control) in enumerate(controls.items()):
        if isinstance(control, TextControl):
            # Its turn comes first, since a batch has few rows.
            values, order = [*control.trials, control.default], 0
        else:
            values = [control.minimum, (control.minimum + trial_value(control)) / 2, trial_value(control)]
        values = _control_values(control, values)
        varied[name] = values[(np.arange(rows) // 3**order) % len(values)]
    return varied


def _control_values(control, values):
    """Values of a control as an array [n] as requests hold it: texts as bytes, numbers in the control's dtype."""
    if isinstance(control, TextControl):
        return text_array([value.encode() for value in values])
    return np.array(values).astype(tf.as_dtype(control.dtype).as_numpy_dtype)


def _values_out_of_bounds(control):
    if isinstance(control, TextControl):
        return ["x" * (control.most_bytes + 1)]
    dtype = tf.as_dtype(control.dtype).as_numpy_dtype
    if np.issubdtype(dtype, np.floating):
        return [control.minimum - 1.0, control.maximum + 1.0, float("nan")]
    limits = np.iinfo(dtype)
    return [value for value in (control.minimum - 1, control.maximum + 1) if limits.min <= value <= limits.max]
