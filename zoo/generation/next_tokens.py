"""The most probable continuations of every sequence."""

from keras import ops

from zoo.generation.row_gather import gather_per_row
from zoo.generation.top_k import top_k


def best_next_tokens(logits, allowed, k):
    """The k most probable next tokens of every sequence, with their log-probabilities.

    Log-probabilities are the model's own, in float32: a blocked token is left out, and the others are not renormalised
    (as in transformers and fairseq). The normaliser needs one softmax kernel and one entry of its result: with m the
    position of the largest logit, logsumexp = logits[m] - log(softmax[m]), and softmax[m] >= 1/V cannot underflow.
    That costs half of `ops.logsumexp` under TensorFlow without XLA.

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
    peak_ids = token_ids[:, :1] if all_allowed else ops.cast(ops.argmax(logits, axis=-1, keepdims=True), "int32")
    peak = gather_per_row(logits, peak_ids)
    log_probs = best - (peak - ops.log(gather_per_row(ops.softmax(logits, axis=-1), peak_ids)))
    # Comparison with inf is False for NaN; rounding must not make a log-probability positive, since the early end of
    # beam search relies on sums that never grow.
    log_probs = ops.where(log_probs < float("inf"), ops.minimum(log_probs, 0.0), -float("inf"))
    return log_probs, token_ids
