"""The most probable continuations of every sequence."""

from keras import ops

from zoo.generation.top_k import top_k


def best_next_tokens(logits, blocked, k):
    """The k most probable next tokens of every sequence, with their log-probabilities.

    Log-probabilities are the model's own, in float32: a blocked token is left out, and the others are not renormalised
    (as in transformers and fairseq). The normaliser needs one softmax kernel and one entry of its result: with m the
    position of the largest logit, logsumexp = logits[m] - log(softmax[m]), and softmax[m] >= 1/V cannot underflow.
    That costs half of `ops.logsumexp` under TensorFlow without XLA.

    Args:
        logits: float [N, V], V known statically. -inf is allowed.
        blocked: bool [N, V], True for tokens that must not follow, or None.
        k: Python int, 1 <= k <= V.

    Returns:
        (log_probs float32 [N, k] in descending order, token_ids int32 [N, k]). -inf where fewer than k tokens are
        possible; a row of NaN gives -inf, never NaN.
    """
    logits = ops.cast(logits, "float32")
    vocabulary_size = logits.shape[-1]
    if blocked is None:
        best, token_ids = top_k(logits, k)
        peak, peak_ids = best[:, 0], token_ids[:, 0]
    else:
        best, token_ids = top_k(ops.where(blocked, -float("inf"), logits), k)
        peak, peak_ids = ops.max(logits, axis=-1), ops.cast(ops.argmax(logits, axis=-1), "int32")
    row_starts = ops.arange(ops.shape(logits)[0], dtype="int32") * vocabulary_size
    peak_probability = ops.take(ops.reshape(ops.softmax(logits, axis=-1), (-1,)), row_starts + peak_ids, axis=0)
    log_probs = best - (peak - ops.log(peak_probability))[:, None]
    # Comparison with inf is False for NaN; rounding must not make a log-probability positive, since the early end of
    # beam search relies on sums that never grow.
    log_probs = ops.where(log_probs < float("inf"), ops.minimum(log_probs, 0.0), -float("inf"))
    return log_probs, token_ids
