"""Per-row controls as tensors: defaults filled in, bounds checked inside the graph."""

import numpy as np
import tensorflow as tf


def resolve_controls(specifications, given, batch_size):
    """A tensor of shape [B] for every control.

    Args:
        specifications: `zoo.tasks.task.Control` by name.
        given: Tensors or numbers by name, scalar or of shape [B]; a name not given takes its default.
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


def _resolve(name, control, value, batch_size):
    if isinstance(value, (int, float, np.number)):
        value = tf.fill([batch_size], tf.constant(value, control.dtype))
    value = tf.cast(value, control.dtype)
    # A NaN fails every comparison, so the bounds are stated as what must hold.
    inside = tf.logical_and(value >= control.minimum, value <= control.maximum)
    message = f"{name} must be between {control.minimum} and {control.maximum}"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(inside), [message], summarize=1)]):
        value = tf.identity(value)
    value = tf.broadcast_to(value, [batch_size])
    return tf.ensure_shape(value, [None])
