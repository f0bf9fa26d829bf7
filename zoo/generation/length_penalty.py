"""Length penalties: what a sequence's log-probability is divided by before sequences of different length compete."""

from typing import Any

from keras import ops

from zoo.errors import UserError

LENGTH_PENALTY_TYPES = ("gnmt", "average", "none")


def length_penalty_divisor(length: Any, alpha: Any, penalty_type: str) -> Any:
    """Divisor of the log-probability of sequences of `length` tokens.

    - `"gnmt"`: ((5 + length) / 6) ** alpha (Wu et al. 2016, equation 14; T5X and OpenNMT-tf).
    - `"average"`: length ** alpha, the mean log-probability for alpha = 1 (transformers, fairseq, CTranslate2).
    - `"none"`: 1.

    `length` counts generated tokens, **the end token included** and the start token not, as in transformers and
    fairseq. A sequence cut off by its token limit has no end token, so its length is the limit.

    Args:
        length: int32, any shape; at least 1.
        alpha: float32, broadcastable to `length`. 0 means no penalty; larger favours longer sequences.
        penalty_type: one of `LENGTH_PENALTY_TYPES`.

    Returns:
        float32, the broadcast shape.

    Raises:
        UserError: `penalty_type` is unknown.
    """
    length = ops.cast(length, "float32")
    if penalty_type == "gnmt":
        return ops.power((5.0 + length) / 6.0, alpha)
    if penalty_type == "average":
        return ops.power(length, alpha)
    if penalty_type == "none":
        return ops.ones_like(length * alpha)
    raise UserError(f"length_penalty_type must be one of {', '.join(LENGTH_PENALTY_TYPES)}; got {penalty_type!r}.")


def normalised_scores(log_probs, divisor):
    """`log_probs / divisor`, with -inf (never NaN) for impossible sequences and for divisors that are not numbers."""
    scores = log_probs / divisor
    return ops.where(ops.logical_and(log_probs > -float("inf"), scores <= 0.0), scores, -float("inf"))
