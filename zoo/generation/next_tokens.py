"""The most probable continuations of every sequence."""

from keras import ops

from zoo.generation.arg_max import arg_max
from zoo.generation.row_gather import gather_per_row
from zoo.generation.top_k import top_k


def best_next_tokens(logits, allowed, k):
    """The k most probable next tokens of every sequence, with their log-probabilities.

    Log-probabilities are the model's own, in float32: a blocked token is left out, and the others are not renormalised
    (as in transformers and fairseq).

    Args:
        logits: float32 [N, V], V known statically. -inf means impossible.
        allowed: float32 [N, V], the logits with -inf for tokens that must not follow; `logits` itself if all may.
        k: Python int, 1 <= k <= V.

    Returns:
        (log_probs float32 [N, k] in descending order, token_ids int32 [N, k]). -inf where fewer than k tokens are
        possible; a row of NaN gives -inf, never NaN.
    """
    best, token_ids = top_k(allowed, k)
    all_allowed = allowed is logits
    peak_ids = token_ids[:, :1] if all_allowed else arg_max(logits)[:, None]
    return _normalised(best, logits, peak_ids), token_ids


def token_log_probs(logits, token_ids, peak_ids):
    """The model's log-probabilities of given tokens.

    Args:
        logits: float32 [N, V].
        token_ids: int32 [N, k].
        peak_ids: int32 [N, 1], the position of each row's largest logit.

    Returns:
        float32 [N, k]; -inf for impossible tokens and in a row of NaN.
    """
    return _normalised(gather_per_row(logits, token_ids), logits, peak_ids)


def _normalised(values, logits, peak_ids):
    """Log-probabilities of some logits [N, k] of those [N, V], whose largest are at `peak_ids` [N, 1].

    The normaliser needs one softmax kernel and one entry of its result: with m the position of the largest logit,
    logsumexp = logits[m] - log(softmax[m]), and softmax[m] >= 1/V cannot underflow. That costs half of `ops.logsumexp`
    under TensorFlow without XLA.
    """
    peak = gather_per_row(logits, peak_ids)
    log_probs = values - (peak - ops.log(gather_per_row(ops.softmax(logits, axis=-1), peak_ids)))
    # Comparison with inf is False for NaN; rounding must not make a log-probability positive, since the early end of
    # beam search relies on sums that never grow.
    return ops.where(log_probs < float("inf"), ops.minimum(log_probs, 0.0), -float("inf"))
