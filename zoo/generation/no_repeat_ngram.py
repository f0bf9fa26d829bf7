"""Blocking of tokens that would repeat an n-gram."""

from keras import ops


def without_repeated_ngrams(logits, token_ids, index, ngram_size, starts=0):
    """Sets the logits of tokens that would complete an n-gram which the sequence already holds to -inf.

    The start token is no part of the sequence unless it is in `token_ids`, so n-grams that reach back to it do not
    count.

    Args:
        logits: float32 [N, V].
        token_ids: int32 [N, L], the sequences; positions from `index` on are ignored.
        index: int32 scalar, how many tokens each sequence holds.
        ngram_size: Python int >= 1. 1 forbids every token that occurred.
        starts: int32 [N, 1] or 0, where each sequence begins; what comes before is ignored.

    Returns:
        float32 [N, V].
    """
    num_sequences, length = ops.shape(token_ids)
    positions = ops.arange(length, dtype="int32")
    first = starts + (ngram_size - 1)
    # repeats[:, p]: the n-1 tokens before position p are the last n-1 tokens of the sequence.
    repeats = ops.logical_and(positions[None, :] >= first, positions < index)
    repeats = ops.broadcast_to(repeats, (num_sequences, length))
    for back in range(1, ngram_size):
        earlier = ops.take(token_ids, ops.maximum(positions - back, 0), axis=1)
        latest = ops.take(token_ids, ops.reshape(ops.maximum(index - back, 0), (1,)), axis=1)
        repeats = ops.logical_and(repeats, earlier == latest)
    sequence_numbers = ops.broadcast_to(ops.arange(num_sequences, dtype="int32")[:, None], (num_sequences, length))
    # Positions that repeat nothing add 0 to token 0. Adding, because one token may stand at several positions, and
    # because one scatter into the logits costs half of building a mask.
    cells = ops.stack([sequence_numbers, ops.where(repeats, token_ids, 0)], axis=-1)
    return ops.scatter_update(
        logits,
        ops.reshape(cells, (-1, 2)),
        ops.reshape(ops.where(repeats, -float("inf"), 0.0), (-1,)),
        reduction="add",
    )
