"""Groups pairs of similar lengths into batches that hold a bounded number of tokens."""

import numpy as np


def bucket_lengths(lengths, multiple, maximum):
    """Rounds lengths up to a multiple, but never above the maximum.

    The cap matters where `maximum` is no multiple itself: a padded batch must not be longer than a model's positions.

    Args:
        lengths: int array [N], none above `maximum`.
        multiple: int >= 1.
        maximum: int.

    Returns:
        int array [N].
    """
    return np.minimum(-(-lengths // multiple) * multiple, maximum)


def num_buckets(maximum, multiple):
    """How many values `bucket_lengths` has for lengths of 1 to `maximum`."""
    return -(-maximum // multiple)


def similar_lengths_first(source_buckets, target_buckets):
    """Returns an order (int array [N]) in which neighbours have equal or adjacent bucketed lengths.

    Pairs go by target bucket, and inside it by source bucket, up and down in turn, so that where one target bucket
    ends and the next begins the source lengths are alike. Pairs of the same buckets keep the order they come in.
    """
    target_ranks = np.unique(target_buckets, return_inverse=True)[1].reshape(-1)
    return np.lexsort((np.where(target_ranks % 2 == 0, source_buckets, -source_buckets), target_ranks))


def cut_batches(source_buckets, target_buckets, batch_size_tokens):
    """Cuts a sequence of pairs into batches of neighbours, each as large as the token budget allows.

    A batch of R rows padded to S source and T target positions satisfies `R * max(S, T) <= batch_size_tokens`.

    Args:
        source_buckets: int array [N], bucketed lengths in the order in which pairs are to be batched.
        target_buckets: int array [N], likewise.
        batch_size_tokens: int, at least as large as any bucketed length.

    Returns:
        list of (start, stop) that cover range(N) in order.
    """
    count = len(source_buckets)
    if count == 0:
        return []
    longest = np.maximum(source_buckets, target_buckets)
    # Runs of equal lengths are handled whole, so that the loop is over runs and batches, not over pairs.
    run_starts = np.concatenate([[0], np.flatnonzero(np.diff(longest)) + 1])
    run_stops = np.append(run_starts[1:], count)
    batches = []
    start, width = 0, 0
    for run_width, position, run_stop in zip(
        longest[run_starts].tolist(), run_starts.tolist(), run_stops.tolist(), strict=True
    ):
        if start < position and (position - start + 1) * max(width, run_width) > batch_size_tokens:
            batches.append((start, position))
            start, width = position, 0
        width = max(width, run_width)
        rows = batch_size_tokens // width
        while run_stop - start > rows:
            batches.append((start, start + rows))
            start += rows
            width = run_width
            rows = batch_size_tokens // width
    batches.append((start, count))
    return batches
