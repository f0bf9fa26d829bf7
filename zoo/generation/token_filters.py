"""Temperature and the filters of sampling: top-k, top-p (nucleus) and min-p, each row with its own."""

import math
import numbers

from keras import ops

from zoo.errors import UserError
from zoo.generation.row_gather import gather_per_row
from zoo.generation.row_limits import check_count
from zoo.generation.top_k import top_k as best_of

# Most cuts lie among so many best tokens, and to order these is cheap. Measured under TensorFlow on two CPU cores with
# 8 rows of 50,257 tokens: 2 ms, a search by halving 13 ms, ordering all tokens 40 ms.
_NUM_ORDERED = 256
# Halves the range of logits that have a weight at all until neighbouring float32 numbers are reached.
_NUM_HALVINGS = 32
# exp(-104) is 0 in float32.
_LOWEST_EXPONENT = -104.0
# Every token is as likely as any other by then, and -inf divided by infinity would not be a number.
_HOTTEST = 1e9


def check_filters(*, temperature, top_k, top_p, min_p):
    """Refuses Python numbers out of range; tensors pass, since their values may not be known yet.

    Raises:
        UserError: naming the argument.
    """
    check_count("top_k", top_k, 0)
    for name, value, fits, what in (
        ("temperature", temperature, lambda number: 0 <= number < math.inf, "a finite number of at least 0"),
        ("top_p", top_p, lambda number: 0 < number <= 1, "above 0 and at most 1"),
        ("min_p", min_p, lambda number: 0 <= number < 1, "at least 0 and below 1"),
    ):
        if isinstance(value, numbers.Number) and (isinstance(value, bool) or not fits(value)):
            raise UserError(f"{name} must be {what}; got {value!r}.")


def filtered_weights(logits, temperature, top_k=None, top_p=None, min_p=None):
    """Probabilities of the tokens that temperature and filters leave, up to a factor.

    In this order, each after what the former has left, as the logits processors of transformers do it:

    1. Logits are divided by `temperature`.
    2. `top_k` keeps the k largest logits (Fan et al. 2018). 0, or more than there are, keeps all.
    3. `top_p` keeps the smallest set of most probable tokens whose probabilities, renormalised after `top_k`, sum to at
       least p (Holtzman et al. 2020). 1 keeps all; the best token always stays.
    4. `min_p` keeps tokens at least min_p times as probable as the best (Nguyen et al. 2024). 0 keeps all.

    Tokens as good as the last one kept are kept too. A filter is a lowest logit for every row, found among the best
    256 tokens where it lies there, and by halving the range of logits otherwise; what a row gets does not depend on
    which of the two other rows need. Neither is done while no row asks for `top_k` or `top_p`.

    Args:
        logits: float32 [N, V], V known statically. -inf means impossible.
        temperature: float32 [N], above 0.
        top_k: int32 [N], or None if no row ever has it.
        top_p: float32 [N] or None.
        min_p: float32 [N] or None.

    Returns:
        float32 [N, V]: 1 for the best token, 0 for tokens that were filtered out.
    """
    temperature = ops.minimum(temperature, _HOTTEST)[:, None]
    peak = ops.max(logits, axis=-1, keepdims=True)
    weights = ops.exp((logits - peak) / temperature)
    kept = weights
    if top_k is not None or top_p is not None:
        cuts = _cuts(logits, weights, temperature, top_k, top_p)
        kept = ops.where(logits >= cuts, kept, 0.0)
    if min_p is not None:
        kept = ops.where(weights >= ops.minimum(min_p, 1.0)[:, None], kept, 0.0)
    return kept


def _cuts(logits, weights, temperature, top_k, top_p):
    """float32 [N, 1], the lowest logit of each row that top-k and top-p keep; -inf for rows without them."""
    size = logits.shape[-1]
    num_rows = ops.shape(logits)[0]
    limits = ops.zeros((num_rows,), dtype="int32") if top_k is None else top_k
    # As a limit, the whole vocabulary is none.
    limits = ops.where(ops.logical_and(limits > 0, limits < size), limits, 0)[:, None]
    shares = (ops.ones((num_rows,), dtype="float32") if top_p is None else top_p)[:, None]

    def search():
        ordered, _ = best_of(logits, min(_NUM_ORDERED, size))
        cuts, found = _cuts_among(ordered, weights, temperature, limits, shares)
        if size <= _NUM_ORDERED:
            return cuts
        return ops.cond(
            ops.all(found),
            lambda: cuts,
            lambda: ops.where(found, cuts, _cuts_by_halving(logits, weights, temperature, limits, shares)),
        )

    asked = ops.any(ops.logical_or(limits > 0, shares < 1.0))
    return ops.cond(asked, search, lambda: ops.full((num_rows, 1), -float("inf"), dtype="float32"))


def _cuts_among(ordered, weights, temperature, limits, shares):
    """The cuts [N, 1] among the best logits of each row, in descending order, and whether each lies there."""
    count = ordered.shape[-1]
    limited, shared = limits > 0, shares < 1.0
    places = ops.minimum(ops.maximum(limits, 1), count) - 1
    lowest = ops.where(limited, gather_per_row(ordered, places), -float("inf"))
    parts = ops.where(ordered >= lowest, ops.exp((ordered - ordered[:, :1]) / temperature), 0.0)
    totals = ops.where(limited, ops.sum(parts, axis=1, keepdims=True), ops.sum(weights, axis=1, keepdims=True))
    sums = ops.cumsum(parts, axis=1)
    before = ops.pad(sums[:, :-1], ((0, 0), (1, 0)))
    num_kept = ops.sum(ops.cast(before < shares * totals, "int32"), axis=1, keepdims=True)
    nucleus = ops.where(shared, gather_per_row(ordered, ops.maximum(num_kept, 1) - 1), -float("inf"))
    reached = ops.logical_or(ops.logical_not(shared), sums[:, -1:] >= shares * totals)
    return ops.maximum(lowest, nucleus), ops.logical_and(limits <= count, reached)


def _cuts_by_halving(logits, weights, temperature, limits, shares):
    """The cuts [N, 1] wherever they lie, for rows whose limits are 0 or beyond what was ordered."""
    peak = ops.max(logits, axis=1, keepdims=True)
    possible = ops.where(logits > -float("inf"), logits, float("inf"))
    floor = ops.maximum(ops.min(possible, axis=1, keepdims=True), peak + _LOWEST_EXPONENT * temperature)

    def highest(keeps_enough):
        def halve(_, bounds):
            low, high = bounds
            middle = low + (high - low) / 2
            enough = keeps_enough(logits >= middle)
            return ops.where(enough, middle, low), ops.where(enough, high, middle)

        return ops.fori_loop(0, _NUM_HALVINGS, halve, (floor, peak))[0]

    def is_limit_reached(kept):
        return ops.sum(ops.cast(kept, "int32"), axis=1, keepdims=True) >= limits

    unlimited = ops.full_like(floor, -float("inf"))
    lowest = ops.cond(
        ops.any(limits > _NUM_ORDERED),
        lambda: ops.where(limits > 0, highest(is_limit_reached), unlimited),
        lambda: unlimited,
    )
    parts = ops.where(logits >= lowest, weights, 0.0)
    targets = shares * ops.sum(parts, axis=1, keepdims=True)

    def is_share_reached(kept):
        return ops.sum(ops.where(kept, parts, 0.0), axis=1, keepdims=True) >= targets

    return ops.maximum(lowest, ops.where(shares < 1.0, highest(is_share_reached), unlimited))
