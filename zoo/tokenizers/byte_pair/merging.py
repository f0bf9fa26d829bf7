"""Which entries of a byte-pair vocabulary the merges make out of the entry's own bytes, and by which merge."""

from collections.abc import Sequence

import numpy as np

UNMADE = -1
NO_ENTRY = -1
"""Stands for a symbol that is no entry of the vocabulary, so that merges say nothing of it."""


def finishing_merges(spellings: Sequence[Sequence[int]], merges: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """The merge that finishes each entry when its own bytes or characters are encoded.

    That one merge says all about an entry, whatever the merges are: until an entry comes about in a longer text, no
    merge has crossed its ends, so inside them the same merges have happened as if it stood alone. Hence it always comes
    about in the same way, or never.

    Args:
        spellings: What each of V entries is made of: the entries of its bytes or characters, or `NO_ENTRY`. Those of
            nothing are never made.
        merges: By rank: the left part, the right part and what they become, all as ids.

    Returns:
        int64 [V], the rank of that merge; UNMADE for entries that come about in no text, and for single symbols,
        which need no merge.
    """
    num_tokens = len(spellings)
    finishing = np.full(num_tokens, UNMADE)
    parts = np.array(merges, np.int64).reshape(-1, 3)
    pairs = parts[:, 0] * num_tokens + parts[:, 1]
    order = np.argsort(pairs)
    pairs, none = pairs[order], len(parts)
    if not none:
        return finishing
    by_length = {}
    for token_id, symbols in enumerate(spellings):
        by_length.setdefault(len(symbols), []).append(token_id)
    # Rows of all entries that have the same number of symbols left. A step joins one pair of each, the first of the
    # lowest rank; rows without one are dropped.
    owners, rows = np.zeros(0, np.int64), np.zeros((0, max(by_length)), np.int64)
    for length in range(max(by_length), 1, -1):
        new = by_length.get(length, [])
        symbols = np.array([spellings[token_id] for token_id in new], np.int64).reshape(-1, length)
        # What is no entry gets a number that is part of no pair.
        symbols = np.where(symbols == NO_ENTRY, num_tokens**2, symbols)
        owners = np.concatenate([owners, np.array(new, np.int64)])
        rows = np.concatenate([rows, symbols])
        wanted = rows[:, :-1] * num_tokens + rows[:, 1:]
        found = np.minimum(np.searchsorted(pairs, wanted), none - 1)
        ranks = np.where(pairs[found] == wanted, order[found], none)
        places = ranks.argmin(1)
        best = ranks[np.arange(len(rows)), places]
        kept = best < none
        owners, rows, places, best = owners[kept], rows[kept], places[kept, np.newaxis], best[kept]
        columns = np.arange(length - 1)
        joined = np.where(columns == places, parts[best, 2][:, np.newaxis], rows[:, 1:])
        rows = np.where(columns < places, rows[:, :-1], joined)
        if length == 2:
            finishing[owners] = best
    return finishing
