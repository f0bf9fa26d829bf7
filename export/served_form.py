"""How served answers differ from those of `Task.predict_batch`: rows judged one by one, and rows of a fixed width.

Both are for servers that batch requests of different clients. There a failed check ends the whole batch, and outputs
whose width depends on the batch can be neither split nor joined.
"""

from dataclasses import dataclass

import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.controls import within_bounds
from zoo.tasks.required_texts import STAND_IN, blank_refusal, not_blank
from zoo.tasks.text_control import TextControl

ERROR = "error"
"""Output of signatures with controls or required texts: why a row has no answer, or nothing."""
COUNT, TOTAL = "count", "total"
"""Outputs of rows of a fixed width: how many places are real, and how many there would be with more room."""

ITEMS = "items"
"""What the places of rows hold, for tasks whose own items have no option of their own."""


@dataclass(frozen=True)
class ServedForm:
    """The form of an export's answers.

    Attributes:
        row_errors: Whether a row with a control outside its bounds, or a blank text that is required, gets an empty
            answer and a reason in the output `error`, while the others are answered; else the request fails, and with
            it its batch.
        width: Places of a row in outputs that hold entities, blanks or other items; None for what the batch needs.
    """

    row_errors: bool = False
    width: int | None = None


def fixed_width(task, **widths):
    """The width that an option gives for a task's rows, or None.

    Args:
        task: a `zoo.tasks.task.Task`.
        widths: of `entities`, of `blanks` and of `items`, whatever they are, an int each or None.

    Raises:
        UserError: for a width that is less than 1, or for what the task does not give.
    """
    for items, width in widths.items():
        if width is None:
            continue
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise UserError(f"--max-{items}: {width!r} is not a number of {items}; use 1 or more")
        ragged = any(signature.ragged_outputs for signature in task.signatures.values())
        if not ragged or items not in (task.ragged_items, ITEMS):
            raise UserError(f"--max-{items}: a {type(task).__name__} gives no {items}; leave it out")
    return next((widths[items] for items in (task.ragged_items, ITEMS) if widths.get(items) is not None), None)


def in_fixed_width(outputs, ragged_outputs, width):
    """Outputs whose rows have `width` places each, and `total`: what a row has beyond them is left out.

    Args:
        outputs: Tensors by name, with `count` among them.
        ragged_outputs: As of a `zoo.tasks.Signature`.
        width: int.

    Returns:
        Tensors by name. `count` is how many places of a row are real, `total` how many the text has: more than `count`
        where some were left out.
    """
    found = {**outputs, COUNT: tf.minimum(outputs[COUNT], width), TOTAL: tf.identity(outputs[COUNT])}
    for name, fill in ragged_outputs.items():
        value = outputs[name]
        shape = tf.shape(value)
        more = tf.fill(tf.concat([shape[:1], [width], shape[2:]], axis=0), tf.constant(fill, value.dtype))
        found[name] = tf.ensure_shape(
            tf.concat([value, more], axis=1)[:, :width], [None, width, *value.shape.with_rank_at_least(2)[2:]]
        )
    return found


def answered_by_row(function, inputs, declared):
    """Answers of a function of texts and controls, in which rows that are refused are empty and say why.

    Args:
        function: From tensors [B] by input name to tensors with first dimension B by output name.
        inputs: Texts, string [B], and a tensor [B] for every control, by name.
        declared: The `zoo.tasks.Signature` that says its controls and the texts it requires.

    Returns:
        The tensors of `function` with those of bad rows empty, 0 or False, and `error` string [B]: the reasons, each of
        which starts with the name of an input, with "; " between them; empty for the other rows.

    Raises:
        ValueError: The function has an output `error` of its own.
    """
    controls = declared.controls
    texts = {name: value for name, value in inputs.items() if name not in controls}
    error = tf.zeros_like(next(iter(texts.values())))
    judged = [(not_blank(inputs[name]), blank_refusal(name)) for name in declared.required]
    judged += [within_bounds(name, control, inputs[name]) for name, control in controls.items()]
    for inside, message in judged:
        between = tf.where(error == "", "", "; ")
        error = tf.where(inside, error, tf.strings.join([error, between, message]))
    bad = error != ""
    # The least values are the quickest to answer, and allowed.
    safe = {name: tf.where(bad, least_value(control), inputs[name]) for name, control in controls.items()}
    outputs = function({**{name: tf.where(bad, stand_in(declared, name), texts[name]) for name in texts}, **safe})
    if ERROR in outputs:
        raise ValueError(f"the task has an output {ERROR!r} of its own; export it without errors of rows")
    return {**{name: _emptied(value, bad) for name, value in outputs.items()}, ERROR: error}


def stand_in(declared, name):
    """What is read of a text of a `zoo.tasks.Signature` in a row that is refused."""
    return STAND_IN if name in declared.required else ""


def trial_value(control):
    """The value of a control where any will do: that for trials if it has one, or the default."""
    return control.default if isinstance(control, TextControl) or control.trial is None else control.trial


def least_value(control):
    """The value of a control that stands in for one out of bounds, numpy or tensor of shape []."""
    return tf.constant("" if isinstance(control, TextControl) else control.minimum, control.dtype)


def _emptied(value, rows):
    value = tf.convert_to_tensor(value)
    rows = tf.reshape(rows, tf.concat([tf.shape(rows), tf.ones([tf.rank(value) - 1], tf.int32)], axis=0))
    return tf.ensure_shape(tf.where(rows, tf.zeros([], value.dtype), value), value.shape)
