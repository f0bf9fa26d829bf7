"""The tokens that end a sequence: usually one, of instruction models several."""

import functools

from keras import ops


def end_ids(eos_id):
    """The ids of an int or a tuple of ints."""
    return eos_id if isinstance(eos_id, tuple) else (eos_id,)


def is_end(token_ids, eos_id):
    """Which tokens end a sequence.

    Args:
        token_ids: int32 tensor.
        eos_id: An int, or a tuple of ints.

    Returns:
        bool tensor of the same shape.
    """
    return functools.reduce(ops.logical_or, [token_ids == each for each in end_ids(eos_id)])
