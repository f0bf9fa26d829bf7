"""Per-row token limits and the checks of arguments that every search shares."""

import numbers
from typing import Any, NamedTuple

from keras import ops

from zoo.errors import UserError
from zoo.generation.end_tokens import end_ids
from zoo.generation.token_rules import NO_RULES


class RowLimits(NamedTuple):
    """How many tokens each row may and must produce.

    Attributes:
        max_new_tokens: int32 [B], within 0..loop_length. The end token counts.
        min_new_tokens: int32 [B]. Tokens before the end token.
    """

    max_new_tokens: Any
    min_new_tokens: Any


def row_limits(num_rows, max_new_tokens, min_new_tokens, loop_length, eos_id=None, token_rules=NO_RULES):
    """Brings scalars or [B] tensors into `RowLimits`; limits beyond `loop_length` or below 0 are clipped.

    Where the rules force the end token, it may come however few tokens there are.
    """
    maximum = ops.broadcast_to(ops.cast(max_new_tokens, "int32"), (num_rows,))
    maximum = ops.maximum(ops.minimum(maximum, loop_length), 0)
    minimum = ops.broadcast_to(ops.cast(min_new_tokens, "int32"), (num_rows,))
    ends = () if eos_id is None else end_ids(eos_id)
    if token_rules.forced_first_token_id in ends:
        minimum = ops.zeros_like(minimum)
    if token_rules.forced_last_token_id in ends:
        minimum = ops.minimum(minimum, maximum - 1)
    return RowLimits(maximum, minimum)


def check_count(name, value, minimum):
    """Refuses a Python number that is no integer or too small; tensors pass, since their value may not be known yet.

    Raises:
        UserError: naming the argument.
    """
    if isinstance(value, numbers.Number) and (
        isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum
    ):
        raise UserError(f"{name} must be an integer of at least {minimum}; got {value!r}.")
