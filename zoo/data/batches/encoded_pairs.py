"""A compact store of tokenised text pairs: two flat int32 arrays and where each row begins in them."""

from dataclasses import dataclass
from itertools import chain

import numpy as np

_GATHER_BLOCK = 65_536


@dataclass(frozen=True)
class TokenRows:
    """N token sequences of any lengths, end to end in one array.

    Attributes:
        tokens: int32 [sum of lengths].
        lengths: int64 [N].
        starts: int64 [N], where each row begins in `tokens`.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray

    @classmethod
    def from_sequences(cls, rows):
        """Packs a list of token id lists or integer arrays."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        if all(isinstance(row, np.ndarray) for row in rows):
            tokens = np.concatenate([np.empty(0, np.int32), *rows]).astype(np.int32)
        else:
            tokens = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))
        return cls(tokens, lengths, np.cumsum(lengths) - lengths)

    def gather(self, rows):
        """Returns the tokens of the rows `rows` (int array [M]) end to end, int32."""
        gathered = np.empty(int(self.lengths[rows].sum()), np.int32)
        done = 0
        # In blocks, because the index arrays below need several times the memory of the tokens themselves.
        for first in range(0, len(rows), _GATHER_BLOCK):
            block = rows[first : first + _GATHER_BLOCK]
            lengths = self.lengths[block]
            ends = np.cumsum(lengths)
            total = int(ends[-1])
            indices = np.arange(total) + np.repeat(self.starts[block] - (ends - lengths), lengths)
            gathered[done : done + total] = self.tokens[indices]
            done += total
        return gathered

    def select(self, rows):
        """Returns a copy holding only the rows `rows` (int array [M]), in that order."""
        lengths = self.lengths[rows]
        return TokenRows(self.gather(rows), lengths, np.cumsum(lengths) - lengths)


@dataclass(frozen=True)
class EncodedPairs:
    """N pairs of source and target token sequences, without special tokens.

    Attributes:
        source, target: The sequences.
        numbers: int64 [N], the place of each pair in its corpus, from 0.
    """

    source: TokenRows
    target: TokenRows
    numbers: np.ndarray

    def __len__(self):
        return len(self.source.lengths)

    def select(self, rows):
        """Returns a copy holding only the pairs `rows` (int array [M]), in that order."""
        return EncodedPairs(self.source.select(rows), self.target.select(rows), self.numbers[rows])

    @classmethod
    def empty(cls):
        """Returns a store of no pairs."""
        return cls(TokenRows.from_sequences([]), TokenRows.from_sequences([]), np.empty(0, np.int64))

    @classmethod
    def concatenate(cls, parts):
        """Joins a non-empty list of `EncodedPairs` into one."""
        sides = []
        for name in ("source", "target"):
            rows = [getattr(part, name) for part in parts]
            lengths = np.concatenate([side.lengths for side in rows])
            tokens = np.concatenate([side.tokens for side in rows])
            sides.append(TokenRows(tokens, lengths, np.cumsum(lengths) - lengths))
        source, target = sides
        return cls(source, target, np.concatenate([part.numbers for part in parts]))
