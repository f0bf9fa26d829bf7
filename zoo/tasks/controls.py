"""Per-row controls as tensors: defaults filled in, bounds checked inside the graph."""

import math
import re
from numbers import Integral, Real

import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.tasks.text_control import TextControl


def check_controls(specifications, given):
    """A value, as a numpy scalar array, for every control of a Python call.

    Args:
        specifications: `Control` or `TextControl` by name.
        given: Numbers and texts by name; a name not given takes its default.

    Returns:
        numpy arrays of shape [] by name, in the controls' dtypes.

    Raises:
        UserError: for an unknown name, something other than one number or text, or a value outside its bounds.
    """
    for name, value in given.items():
        if name not in specifications:
            raise UserError(f"unknown option {name!r}; known are {', '.join(specifications)}")
        control = specifications[name]
        if isinstance(control, TextControl):
            if not isinstance(value, str) or len(value.encode()) > control.most_bytes:
                raise UserError(f"{name} must be a text of at most {control.most_bytes} bytes, got {value!r}")
            allowed = control.choices is None or value in control.choices
            if control.pattern is not None:
                allowed = allowed and re.fullmatch(control.pattern, value) is not None
            if control.accepts is not None:
                allowed = allowed and bool(control.accepts(tf.constant([value]))[0])
            if not allowed:
                raise UserError(f"{refusal(name, control)}, got {value!r}")
            continue
        kind, article = (Integral, "an integer") if control.dtype.startswith("int") else (Real, "a number")
        if not _is_number(value, kind):
            raise UserError(f"{name} must be {article}, got {value!r}")
        check_range(name, value, least=control.minimum, most=control.maximum)
    return {
        name: np.asarray(given.get(name, spec.default), object if isinstance(spec, TextControl) else spec.dtype)
        for name, spec in specifications.items()
    }


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool) and not math.isnan(value)


def resolve_controls(specifications, given, batch_size):
    """A tensor of shape [B] for every control.

    Args:
        specifications: `Control` or `TextControl` by name.
        given: Tensors, numbers or texts by name, scalar or of shape [B]; a name not given takes its default.
        batch_size: B, int32 scalar tensor.

    Returns:
        Tensors of shape [B] by name.

    Raises:
        TypeError: for an unknown name.
        tensorflow.errors.InvalidArgumentError: for a value outside its bounds; the message starts with the name.
    """
    unknown = sorted(set(given) - set(specifications))
    if unknown:
        raise TypeError(f"unknown control {unknown[0]!r}; known are {', '.join(specifications)}")
    return {
        name: _resolve(name, control, given.get(name, control.default), batch_size)
        for name, control in specifications.items()
    }


def with_a_row(specifications, texts, given):
    """Texts and controls of a batch, and one row more if there is none: some operations need at least one.

    Args:
        specifications: `Control` or `TextControl` by name.
        texts: string tensors [B] by input name.
        given: Tensors, numbers or texts by name, as for `resolve_controls`.

    Returns:
        The texts, string [max(B, 1)], tensors of as many rows for every control, and B, int32 scalar.
    """
    rows = tf.shape(next(iter(texts.values())))[0]
    extra = tf.cast(rows == 0, tf.int32)

    def extended(value, default):
        return tf.concat([value, tf.fill([extra], tf.constant(default, value.dtype))], axis=0)

    controls = {
        name: extended(value, specifications[name].default)
        for name, value in resolve_controls(specifications, given, rows).items()
    }
    return {name: extended(tf.convert_to_tensor(text), "") for name, text in texts.items()}, controls, rows


def within_bounds(name, control, value):
    """Which values of a control are allowed, and what a refusal of the others says.

    Args:
        name: Of the control.
        control: `Control` or `TextControl`.
        value: Tensor of any shape, in the control's dtype.

    Returns:
        A bool tensor of the same shape, and a str that starts with the name.
    """
    if isinstance(control, TextControl) and control.choices is not None:
        inside = tf.reduce_any(tf.stack([value == choice for choice in control.choices]), axis=0)
    elif isinstance(control, TextControl):
        inside = tf.strings.length(value) <= control.most_bytes
        if control.pattern is not None:
            inside &= tf.strings.regex_full_match(value, control.pattern)
        if control.accepts is not None:
            inside &= tf.reshape(control.accepts(tf.reshape(value, [-1])), tf.shape(value))
    else:
        # A NaN fails every comparison, so the bounds are stated as what must hold.
        inside = tf.logical_and(value >= control.minimum, value <= control.maximum)
    return inside, refusal(name, control)


def refusal(name, control):
    """What is said of a value of a control that is not allowed, beginning with its name."""
    if not isinstance(control, TextControl):
        return f"{name} must be between {control.minimum} and {control.maximum}"
    if control.choices is not None:
        return f"{name} must be one of {', '.join(map(repr, control.choices))}"
    length = f"{name} must have at most {control.most_bytes} bytes"
    return f"{length} and {control.rule}" if control.rule else length


def _resolve(name, control, value, batch_size):
    if isinstance(value, (int, float, np.number, str)):
        value = tf.fill([batch_size], tf.constant(value, control.dtype))
    text = isinstance(control, TextControl)
    value = tf.convert_to_tensor(value, tf.string) if text else tf.cast(value, control.dtype)
    inside, message = within_bounds(name, control, value)
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(inside), [message], summarize=1)]):
        value = tf.identity(value)
    value = tf.broadcast_to(value, [batch_size])
    return tf.ensure_shape(value, [None])
