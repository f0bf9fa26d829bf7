"""CTRL's penalty on tokens that have occurred."""

import math
import numbers

from keras import ops

from zoo.errors import UserError
from zoo.generation.row_gather import gather_per_row


def check_repetition_penalty(repetition_penalty):
    """Refuses a Python number that is not above 0; tensors pass, since their values may not be known yet.

    Raises:
        UserError: naming the argument.
    """
    if isinstance(repetition_penalty, numbers.Real) and (
        isinstance(repetition_penalty, bool) or not 0 < float(repetition_penalty) < math.inf
    ):
        raise UserError(f"repetition_penalty must be a finite number above 0; got {repetition_penalty!r}.")


def with_repetition_penalty(logits, history, repetition_penalty):
    """Divides positive logits of tokens that occurred by the penalty, and multiplies negative ones with it.

    As transformers does it, after Keskar et al. 2019, "CTRL", who divide all. How often a token occurred does not
    matter.

    Args:
        logits: float32 [N, V].
        history: `History` of token ids below V.
        repetition_penalty: float32 [N]; above 1 discourages repetition, below 1 rewards it, 1 changes nothing.

    Returns:
        float32 [N, V].
    """

    def penalised():
        token_ids, starts, end = history
        positions = ops.arange(ops.shape(token_ids)[1], dtype="int32")[None, :]
        occurred = ops.logical_and(positions >= starts, positions < end)
        # A place that does not count stands for the row's latest token, so that a token is written with one value
        # only, however many places it has. A row with no token yet writes what is there.
        latest = ops.take(token_ids, ops.reshape(ops.maximum(end - 1, 0), (1,)), axis=1)
        is_empty = ops.logical_not(ops.any(occurred, axis=1, keepdims=True))
        penalty = ops.where(is_empty, 1.0, repetition_penalty[:, None])
        token_ids = ops.where(occurred, token_ids, ops.where(is_empty, 0, latest))
        values = gather_per_row(logits, token_ids)
        values = ops.where(values < 0, values * penalty, values / penalty)
        rows = ops.broadcast_to(ops.arange(ops.shape(logits)[0], dtype="int32")[:, None], ops.shape(token_ids))
        cells = ops.reshape(ops.stack([rows, token_ids], axis=-1), (-1, 2))
        return ops.scatter_update(logits, cells, ops.reshape(values, (-1,)))

    return ops.cond(ops.any(repetition_penalty != 1.0), penalised, lambda: logits)
