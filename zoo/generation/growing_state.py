"""A loop over steps whose state grows as they go on.

Caches of keys and values have a position for every step that there may be, and each step reads the whole of them, and
beams copy it. Where texts are short beside the longest that is allowed, most of that is for nothing: so room is made
in time, each time for as many steps as there have been.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import tree

FIRST_STEPS = 16
"""Steps that there is room for at first."""


def state_grows() -> bool:
    """Whether the backend in use has loops whose state may grow: TensorFlow's. JAX compiles for one shape."""
    return keras.config.backend() == "tensorflow"


def while_growing(proceed: Callable, advance: Callable, state: Any, lengthen: Callable, most_steps: Any) -> Any:
    """`keras.ops.while_loop` over a `DecodeState`, with room for more steps made before they come.

    Args:
        proceed, advance: Of the loop, functions of the parts of a state.
        state: `DecodeState`, whose `step_state` has room for no step.
        lengthen: `lengthen(step_state, extra int32 scalar) -> step_state`, with room for so many more steps.
        most_steps: int or int32 scalar, steps that there may be.

    Returns:
        The last state.
    """
    import tensorflow as tf

    def longer(parts, extra):
        grown = type(state)(*parts)
        return grown._replace(step_state=lengthen(grown.step_state, extra))

    def shape_of_both(shorter, longer):
        return shorter.shape.most_specific_compatible_shape(longer.shape)

    shapes = tree.map_structure(shape_of_both, state, longer(state, 1))

    def stage(capacity, *parts):
        grown = tf.minimum(tf.maximum(2 * capacity, FIRST_STEPS), most_steps)
        within = tf.while_loop(
            lambda *now: tf.logical_and(type(state)(*now).index < grown, proceed(*now)),
            lambda *now: tuple(advance(*now)),
            tuple(longer(parts, grown - capacity)),
            tuple(shapes),
        )
        return grown, *within

    capacity = tf.constant(0)
    last = tf.while_loop(lambda _, *parts: proceed(*parts), stage, (capacity, *state), (capacity.shape, *shapes))
    return type(state)(*last[1:])
