"""Rows filled to the brim with consecutive text, for masked language modelling alone."""

from typing import Any

import numpy as np

from zoo.data.batches.single_segment_rows import SingleSegmentRows
from zoo.data.batches.text_rows import TextRows


class DocumentBlocks(SingleSegmentRows):
    """Rows `[CLS] text [SEP]` in which every position but those of the last row is used.

    The documents, in an order drawn anew each epoch, make one stream with a [SEP] after each; it is closed to a ring,
    opened at a random place and cut every S - 2 tokens. So an epoch has every token once, no row but the last has
    padding, and a row may hold the end of one document and the beginning of another: RoBERTa's FULL-SENTENCES, but for
    its rows ending with a sentence and being filled up with padding.

    Args:
        documents: `TokenizedDocuments`.
        sequence_length: S, special tokens included.
        bos_id, eos_id, pad_id: Ids of [CLS], [SEP] and [PAD].

    Source: Liu et al. 2019, https://arxiv.org/abs/1907.11692, section 4.2.
    """

    def plan(self, rng: Any = None) -> Any:
        """The rows of one epoch, a `BlockPlan`.

        Args:
            rng: numpy `Generator` that decides order and cuts; None for the documents as they come, cut from the first
                token on.
        """
        count = len(self.documents)
        order = np.arange(count) if rng is None else rng.permutation(count)
        return BlockPlan(self, order, lambda total: 0 if rng is None else int(rng.integers(total)))


class BlockPlan:
    """The rows of one epoch of `DocumentBlocks`."""

    def __init__(self, blocks, order, choose_start):
        self._blocks = blocks
        splits = blocks.documents.token_splits
        self._lengths = np.diff(splits)[order]
        self._token_starts = splits[order]
        # Where in the stream the place after each document's [SEP] is.
        self._ends = np.cumsum(self._lengths + 1)
        self._total = int(self._ends[-1])
        self._start = choose_start(self._total)

    def __len__(self):
        return -(-self._total // (self._blocks.sequence_length - 2))

    @property
    def widths(self):
        """int [N], the positions of each row, padding included."""
        return np.full(len(self), self._blocks.sequence_length)

    @property
    def num_positions(self):
        """Positions of all rows that are no padding."""
        return self._total + 2 * len(self)

    def rows(self, indices):
        """`TextRows` of the rows `indices`, int array [B]."""
        blocks, documents = self._blocks, self._blocks.documents
        size = blocks.sequence_length - 2
        # One place more than a row holds says whether its end cuts a word.
        places = indices[:, None] * size + np.arange(size + 1)
        lengths = np.minimum(self._total - indices * size, size)
        at = (self._start + places) % self._total
        document = np.searchsorted(self._ends, at, side="right")
        within = at - (self._ends - self._lengths - 1)[document]
        separator = within == self._lengths[document]
        index = np.where(separator, 0, self._token_starts[document] + within)
        tokens = np.where(separator, blocks.eos_id, documents.tokens[index])

        shape = (len(indices), blocks.sequence_length)
        position = np.arange(blocks.sequence_length)
        token_ids = np.full(shape, blocks.pad_id, np.int32)
        token_ids[:, 1:-1] = np.where(np.arange(size) < lengths[:, None], tokens[:, :-1], blocks.pad_id)
        token_ids[:, 0] = blocks.bos_id
        token_ids[position == lengths[:, None] + 1] = blocks.eos_id
        word_starts = np.ones(shape, bool)
        word_starts[:, 1:] = separator | documents.word_starts[index]
        return TextRows(token_ids, lengths + 2, np.zeros(shape, np.int32), word_starts)
