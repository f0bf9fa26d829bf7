"""Rows of text with their special tokens, before anything is masked."""

from typing import NamedTuple

import numpy as np


class TextRows(NamedTuple):
    """B rows of S positions.

    A special token is a word of its own, except beside a word that the edge of the row cuts: that counts as part of the
    special token's word, so that who looks for whole words does not take it for one.

    Attributes:
        token_ids: int32 [B, S].
        lengths: int64 [B], the positions after which there is padding.
        segment_ids: int32 [B, S].
        word_starts: bool [B, S], whether a token is the first of its word.
        unrelated: int32 [B], 1 where the second segment is from elsewhere and 0 where it follows the first; None for
            rows of one segment.
    """

    token_ids: np.ndarray
    lengths: np.ndarray
    segment_ids: np.ndarray
    word_starts: np.ndarray
    unrelated: np.ndarray | None = None
