"""The tokens that come before the generated ones, as far as a search looks back at them."""

from typing import Any, NamedTuple

from keras import ops

from zoo.errors import UserError
from zoo.generation.row_gather import gather_per_row


class Context(NamedTuple):
    """A prompt of every sequence, moved to the right so that the generated tokens follow without a gap.

    Attributes:
        token_ids: int32 [N, P].
        starts: int32 [N], where each prompt begins; what is before does not count.
    """

    token_ids: Any
    starts: Any


def make_context(token_ids, mask, num_copies=1):
    """Brings prompts [B, P], padded anywhere, into a `Context` with `num_copies` equal rows for each; None for None.

    Raises:
        UserError: a mask without tokens.
    """
    if token_ids is None:
        if mask is not None:
            raise UserError("context_mask must come with context_token_ids.")
        return None
    token_ids = ops.cast(token_ids, "int32")
    length = ops.shape(token_ids)[1]
    if mask is None:
        starts = ops.zeros((ops.shape(token_ids)[0],), dtype="int32")
    else:
        mask = ops.cast(mask, "bool")
        positions = ops.arange(length, dtype="int32")[None, :]
        # Positions that do not count, less the length, are negative: they come first when sorted.
        order = ops.sort(ops.where(mask, positions, positions - length), axis=1)
        token_ids = gather_per_row(token_ids, ops.where(order < 0, order + length, order))
        starts = length - ops.sum(ops.cast(mask, "int32"), axis=1)
    return Context(ops.repeat(token_ids, num_copies, axis=0), ops.repeat(starts, num_copies, axis=0))


class History(NamedTuple):
    """Everything said so far: the context, if there is one, and the generated tokens.

    Attributes:
        token_ids: int32 [N, M].
        starts: int32 [N, 1] or 0: positions before do not count.
        end: int32 scalar: neither do this and later ones.
    """

    token_ids: Any
    starts: Any
    end: Any


def history(context, token_ids, index):
    """The `History` of sequences of which `index` (int32 scalar) tokens of `token_ids` int32 [N, L] are generated."""
    if context is None:
        return History(token_ids, 0, index)
    return History(
        token_ids=ops.concatenate([context.token_ids, token_ids], axis=1),
        starts=context.starts[:, None],
        end=ops.shape(context.token_ids)[1] + index,
    )
