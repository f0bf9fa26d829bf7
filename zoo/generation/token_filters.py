"""Temperature and the filters of sampling: top-k, top-p (nucleus) and min-p, each row with its own."""

import math
import numbers

from keras import ops

from zoo.errors import UserError
from zoo.generation.row_gather import gather_per_row
from zoo.generation.row_limits import check_count
from zoo.generation.top_k import top_k as best_of

# Nearly every cut lies among so many best tokens; to find these costs a fraction of sorting a whole vocabulary.
_SORTED_FIRST = 1024
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
    1,024 tokens where it lies there, and in the sorted vocabulary otherwise; what a row gets does not depend on which
    of the two other rows need. Nothing is ordered while no row asks for `top_k` or `top_p`.

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
    few = min(_SORTED_FIRST, size)
    num_rows = ops.shape(logits)[0]
    limits = ops.zeros((num_rows,), dtype="int32") if top_k is None else top_k
    # As a limit, the whole vocabulary is none.
    limits = ops.where(ops.logical_and(limits > 0, limits < size), limits, 0)[:, None]
    shares = (ops.ones((num_rows,), dtype="float32") if top_p is None else top_p)[:, None]

    def cuts_among(count):
        return _cuts_among(best_of(logits, count)[0], weights, temperature, limits, shares)

    def search():
        cuts, found = cuts_among(few)
        if few == size:
            return cuts
        # A row keeps what was found among few, so that sums in another order cannot change it for another's sake.
        return ops.cond(ops.all(found), lambda: cuts, lambda: ops.where(found, cuts, cuts_among(size)[0]))

    asked = ops.any(ops.logical_or(limits > 0, shares < 1.0))
    return ops.cond(asked, search, lambda: ops.full((num_rows, 1), -float("inf"), dtype="float32"))


def _cuts_among(ordered, weights, temperature, limits, shares):
    """The cuts [N, 1] among the best logits of each row, in descending order, and whether each lies there."""
    count = ordered.shape[-1]
    limited = limits > 0
    places = ops.minimum(ops.maximum(limits, 1), count) - 1
    lowest = ops.where(limited, gather_per_row(ordered, places), -float("inf"))
    parts = ops.where(ordered >= lowest, ops.exp((ordered - ordered[:, :1]) / temperature), 0.0)
    totals = ops.where(limited, ops.sum(parts, axis=1, keepdims=True), ops.sum(weights, axis=1, keepdims=True))
    sums = ops.cumsum(parts, axis=1)
    before = ops.pad(sums[:, :-1], ((0, 0), (1, 0)))
    num_kept = ops.sum(ops.cast(before < shares * totals, "int32"), axis=1, keepdims=True)
    shared = shares < 1.0
    nucleus = ops.where(shared, gather_per_row(ordered, ops.maximum(num_kept, 1) - 1), -float("inf"))
    found = ops.logical_and(limits <= count, ops.logical_or(ops.logical_not(shared), sums[:, -1:] >= shares * totals))
    return ops.maximum(lowest, nucleus), found
