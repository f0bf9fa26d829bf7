"""Which entries of a byte-pair vocabulary the merges make out of the entry's own bytes, and by which merge."""

from collections.abc import Sequence

import numpy as np

UNMADE = -1


def finishing_merges(
    token_bytes: Sequence[bytes], byte_ids: Sequence[int], merges: Sequence[tuple[int, int, int]]
) -> np.ndarray:
    """The merge that finishes each entry when its own bytes are encoded.

    That one merge says all about an entry, whatever the merges are: until an entry comes about in a longer text, no
    merge has crossed its ends, so inside them the same merges have happened as if it stood alone. Hence it always comes
    about in the same way, or never.

    Args:
        token_bytes: The bytes of each of V entries; entries without bytes are never made.
        byte_ids: The entry of each of the 256 bytes.
        merges: By rank: the left part, the right part and what they become, all as ids.

    Returns:
        int64 [V], the rank of that merge; UNMADE for entries that come about in no text, and for single bytes, which
        need no merge.
    """
    num_tokens = len(token_bytes)
    finishing = np.full(num_tokens, UNMADE)
    parts = np.array(merges, np.int64).reshape(-1, 3)
    pairs = parts[:, 0] * num_tokens + parts[:, 1]
    order = np.argsort(pairs)
    pairs, none = pairs[order], len(parts)
    if not none:
        return finishing
    by_length = {}
    for token_id, content in enumerate(token_bytes):
        by_length.setdefault(len(content), []).append(token_id)
    byte_ids = np.array(byte_ids, np.int64)
    # Rows of all entries that have the same number of symbols left. A step joins one pair of each, the first of the
    # lowest rank; rows without one are dropped.
    owners, rows = np.zeros(0, np.int64), np.zeros((0, max(by_length)), np.int64)
    for length in range(max(by_length), 1, -1):
        new = by_length.get(length, [])
        symbols = np.frombuffer(b"".join(token_bytes[token_id] for token_id in new), np.uint8)
        owners = np.concatenate([owners, np.array(new, np.int64)])
        rows = np.concatenate([rows, byte_ids[symbols].reshape(len(new), length)])
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
