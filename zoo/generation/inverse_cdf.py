"""Drawing from a distribution given by weights, with one random number a row."""

import math

from keras import ops

from zoo.generation.row_gather import gather_per_row

# Fewer weights are added up in one go.
_SMALLEST_BLOCKED_SIZE = 1024


def draw(weights, uniforms):
    """The position at which the cumulative weight first exceeds the given share of the total.

    Large rows are cut into blocks of which only one is added up weight by weight. That is cheaper, and more exact than
    a sum of 50,000 float32 numbers in a row. A position without weight is never drawn, whatever the rounding.

    Args:
        weights: float32 [N, V], not negative, V known statically. Need not sum to 1.
        uniforms: float32 [N], in [0, 1).

    Returns:
        int32 [N]; 0 in rows that have no weight at all or are not numbers.
    """
    shares = uniforms[:, None]
    size = weights.shape[-1]
    if size < _SMALLEST_BLOCKED_SIZE:
        return _first_beyond(weights, shares * ops.sum(weights, axis=1, keepdims=True))[0][:, 0]
    block_size = math.isqrt(size)
    num_blocks = -(-size // block_size)
    num_rows = ops.shape(weights)[0]
    weights = ops.pad(weights, ((0, 0), (0, num_blocks * block_size - size)))
    blocks = ops.reshape(weights, (num_rows, num_blocks, block_size))
    sums = ops.sum(blocks, axis=2)
    chosen, remainder = _first_beyond(sums, shares * ops.sum(sums, axis=1, keepdims=True))
    within, _ = _first_beyond(gather_per_row(blocks, chosen)[:, 0], remainder)
    return (chosen * block_size + within)[:, 0]


def _first_beyond(weights, target):
    """(int32 [N, 1], the first position whose cumulative weight exceeds the target; float32 [N, 1], what remains of
    the target there)."""
    size = weights.shape[-1]
    positions = ops.arange(size, dtype="int32")[None, :]
    sums = ops.cumsum(weights, axis=1)
    possible = weights > 0
    reached = ops.logical_and(possible, sums > target)
    # Where rounding leaves the target beyond the whole sum, the last possible position is meant.
    last = ops.max(ops.where(possible, positions, 0), axis=1, keepdims=True)
    position = ops.minimum(ops.min(ops.where(reached, positions, size), axis=1, keepdims=True), last)
    before = ops.where(position > 0, gather_per_row(sums, ops.maximum(position - 1, 0)), 0.0)
    return position, target - before
