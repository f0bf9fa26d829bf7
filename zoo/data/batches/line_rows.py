"""One row for each line, for masked language modelling on lines that have nothing to do with each other."""

from typing import Any

import numpy as np

from zoo.data.batches.length_buckets import bucket_lengths
from zoo.data.batches.single_segment_rows import SingleSegmentRows
from zoo.data.batches.text_rows import TextRows

_LENGTH_MULTIPLE = 8


class LineRows(SingleSegmentRows):
    """Rows `[CLS] line [SEP]`; a line that is too long for one row goes on in the next.

    For captions, queries, messages: what stands in the lines around says nothing about a line there, and rows that go
    on from line to line, as those of `DocumentBlocks` do, are mostly noise around a masked word.

    Args:
        documents: `TokenizedDocuments`.
        sequence_length: S, special tokens included.
        bos_id, eos_id, pad_id: Ids of [CLS], [SEP] and [PAD].
    """

    def plan(self, rng: Any = None) -> Any:
        """The rows of any epoch in the order of the text, a `LinePlan`; nothing in it is random."""
        return LinePlan(self)


class LinePlan:
    """The rows of one epoch of `LineRows`.

    Attributes:
        widths: int [N], the positions of each row, padding up to a multiple of 8 included.
    """

    def __init__(self, lines):
        self._lines = lines
        most = lines.sequence_length - 2
        splits = lines.documents.line_splits
        pieces = -(-np.diff(splits) // most)
        line = np.repeat(np.arange(len(pieces)), pieces)
        piece = np.arange(len(line)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        self._starts = splits[line] + piece * most
        self._lengths = np.minimum(splits[line + 1] - self._starts, most)
        self.widths = bucket_lengths(self._lengths + 2, _LENGTH_MULTIPLE, lines.sequence_length)

    def __len__(self):
        return len(self._starts)

    @property
    def num_positions(self):
        """Positions of all rows that are no padding."""
        return int(self._lengths.sum()) + 2 * len(self)

    def rows(self, indices):
        """`TextRows` of the rows `indices`, int array [B], as wide as the widest of them."""
        lines, documents = self._lines, self._lines.documents
        width = int(self.widths[indices].max())
        lengths = self._lengths[indices][:, None]
        place = np.arange(width)[None]
        # Of the last [SEP], the token that the text goes on with: it says whether a word is cut.
        index = np.where((place > 0) & (place <= lengths + 1), self._starts[indices][:, None] + place - 1, -1)
        token_ids = np.where(
            place <= lengths, documents.tokens[np.minimum(index, len(documents.tokens) - 1)], lines.pad_id
        )
        token_ids = np.where(place == lengths + 1, lines.eos_id, token_ids).astype(np.int32)
        token_ids[:, 0] = lines.bos_id
        return TextRows(token_ids, lengths[:, 0] + 2, np.zeros_like(token_ids), documents.word_starts[index])
