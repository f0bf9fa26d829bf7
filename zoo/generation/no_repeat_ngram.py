"""Blocking of tokens that would repeat an n-gram."""

from keras import ops


def repeating_tokens(token_ids, index, ngram_size, vocabulary_size):
    """Marks the tokens that would complete an n-gram which the sequence already holds.

    The start token is no part of the sequence, so n-grams that reach back to it do not count.

    Args:
        token_ids: int32 [N, L], the sequences; positions from `index` on are ignored.
        index: int32 scalar, how many tokens each sequence holds.
        ngram_size: Python int >= 1. 1 forbids every token that occurred.
        vocabulary_size: Python int, V.

    Returns:
        bool [N, V], True for tokens that must not come next.
    """
    num_sequences, length = ops.shape(token_ids)
    positions = ops.arange(length, dtype="int32")
    # repeats[:, p]: the n-1 tokens before position p are the last n-1 tokens of the sequence.
    repeats = ops.logical_and(positions >= ngram_size - 1, positions < index)[None, :]
    repeats = ops.broadcast_to(repeats, (num_sequences, length))
    for back in range(1, ngram_size):
        earlier = ops.take(token_ids, ops.maximum(positions - back, 0), axis=1)
        latest = ops.take(token_ids, ops.reshape(ops.maximum(index - back, 0), (1,)), axis=1)
        repeats = ops.logical_and(repeats, earlier == latest)
    sequence_numbers = ops.broadcast_to(ops.arange(num_sequences, dtype="int32")[:, None], (num_sequences, length))
    # Positions that repeat nothing add 0 to the count of token 0.
    cells = ops.stack([sequence_numbers, ops.where(repeats, token_ids, 0)], axis=-1)
    counts = ops.scatter(
        ops.reshape(cells, (-1, 2)),
        ops.cast(ops.reshape(repeats, (-1,)), "float32"),
        (num_sequences, vocabulary_size),
    )
    return counts > 0
