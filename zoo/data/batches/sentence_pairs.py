"""Rows of two segments, the second of which follows the first or is from another document."""

from typing import Any

import numpy as np

from zoo.data.batches.text_rows import TextRows
from zoo.errors import UserError

_SPECIAL_TOKENS = 3
# Fields of a planned row.
_A_START, _A_STOP, _B_START, _B_STOP, _UNRELATED = range(5)


class SentencePairs:
    """Rows `[CLS] A [SEP] B [SEP]` for next-sentence prediction, made as BERT's were and drawn anew each epoch.

    Lines of a document are gathered until they fill a row or the document ends. A random number of them is A. In half
    of all cases B is the rest of them; else it is from another document, from a random line of it until the row is
    full or that document ends, and the rest goes into the next row. A single line has no rest, so that its B is from
    another document. What does not fit is cut off the longer segment, from its front or its end, token by token. One
    row in ten aims at a random smaller length, so that short inputs are not unknown to the model.

    Rows are full where documents are longer than a row; no row holds text of the document after A's, so that short
    documents leave padding.

    Args:
        documents: `TokenizedDocuments`, at least two, and one of them with two lines or more.
        sequence_length: S, special tokens included.
        bos_id, eos_id, pad_id: Ids of [CLS], [SEP] and [PAD].
        short_share: Share of rows that aim at a smaller length.

    Raises:
        UserError: for documents that no such pairs can be made of.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805, section 3.1 and appendix A, and the reference
    implementation's create_pretraining_data, which draws a smaller length for each document and not for each row.
    """

    def __init__(
        self, documents: Any, *, sequence_length: int, bos_id: int, eos_id: int, pad_id: int, short_share: float = 0.1
    ):
        if sequence_length < _SPECIAL_TOKENS + 2:
            raise UserError(f"sequence_length={sequence_length} must be at least 5: [CLS] A [SEP] B [SEP]")
        hint = "part documents by blank lines, or do without next-sentence prediction"
        if len(documents) < 2:
            raise UserError(f"{documents.name}: next-sentence prediction needs at least 2 documents, found 1; {hint}")
        if np.diff(documents.document_splits).max() < 2:
            raise UserError(
                f"{documents.name}: each document is a single line, so that no sentence follows another; "
                "put every sentence on a line of its own, or do without next-sentence prediction"
            )
        self.documents = documents
        self.sequence_length = sequence_length
        self.bos_id, self.eos_id, self.pad_id = bos_id, eos_id, pad_id
        self._short_share = short_share

    def plan(self, rng: Any = None) -> Any:
        """The rows of one epoch in the order of the text, a `PairPlan`.

        Args:
            rng: numpy `Generator` that decides everything random; one of a fixed seed if None.
        """
        rng = np.random.default_rng(0) if rng is None else rng
        rows = [row for document in range(len(self.documents)) for row in self._rows_of(document, rng)]
        return PairPlan(self, np.array(rows, np.int64))

    def _rows_of(self, document, rng):
        splits = self.documents.line_splits
        line, stop = self.documents.document_splits[document : document + 2].tolist()
        most = self.sequence_length - _SPECIAL_TOKENS
        while line < stop:
            target = int(rng.integers(2, most + 1)) if rng.random() < self._short_share else most
            # The lines [line, end) reach the target, or the document ends with them.
            end = min(int(np.searchsorted(splits, splits[line] + target)), stop)
            middle = end if end == line + 1 else line + int(rng.integers(1, end - line))
            first = (int(splits[line]), int(splits[middle]))
            unrelated = middle == end or rng.random() < 0.5
            if unrelated:
                second = self._elsewhere(document, target - (first[1] - first[0]), rng)
                line = middle
            else:
                second = (int(splits[middle]), int(splits[end]))
                line = end
            yield (*truncated_pair(first, second, most, rng), int(unrelated))

    def _elsewhere(self, document, length, rng):
        """Start and stop, in tokens, of lines of another document that have `length` tokens or reach to its end."""
        splits = self.documents.line_splits
        other = int(rng.integers(len(self.documents) - 1))
        other += other >= document
        start, stop = self.documents.document_splits[other : other + 2].tolist()
        start = int(rng.integers(start, stop))
        end = min(max(int(np.searchsorted(splits, splits[start] + length)), start + 1), stop)
        return int(splits[start]), int(splits[end])


def truncated_pair(first, second, most, rng):
    """Shortens two spans to `most` tokens together, token by token from the longer one, at its front or its end.

    Args:
        first, second: (start, stop).
        most: int.
        rng: numpy `Generator`.

    Returns:
        Start and stop of the first, start and stop of the second.
    """
    lengths = [stop - start for start, stop in (first, second)]
    excess = sum(lengths) - most
    spans = []
    for (start, stop), cut in zip((first, second), _cuts(lengths[0], lengths[1], max(excess, 0)), strict=True):
        front = int(rng.binomial(cut, 0.5)) if cut else 0
        spans += [start + front, stop - (cut - front)]
    return tuple(spans)


def _cuts(first, second, excess):
    """How many tokens each of two segments loses, if the longer one loses the next; of equal ones the second."""
    longer = min(abs(first - second), excess)
    both = excess - longer
    return both // 2 + longer * (first > second), both - both // 2 + longer * (first <= second)


class PairPlan:
    """The rows of one epoch of `SentencePairs`.

    Attributes:
        spans: int64 [N, 5]: start and stop of A and of B in the documents' tokens, and 1 where B does not follow A.
    """

    def __init__(self, pairs, spans):
        self._pairs = pairs
        self.spans = spans

    def __len__(self):
        return len(self.spans)

    @property
    def widths(self):
        """int [N], the positions of each row, padding included."""
        return np.full(len(self), self._pairs.sequence_length)

    @property
    def num_positions(self):
        """Positions of all rows that are no padding."""
        a, b = (self.spans[:, stop] - self.spans[:, start] for start, stop in ((0, 1), (2, 3)))
        return int((a + b).sum()) + _SPECIAL_TOKENS * len(self)

    def rows(self, indices):
        """`TextRows` of the rows `indices`, int array [B]."""
        pairs, documents = self._pairs, self._pairs.documents
        spans = self.spans[indices][:, :, None]
        a_length = spans[:, _A_STOP] - spans[:, _A_START]
        b_length = spans[:, _B_STOP] - spans[:, _B_START]
        place = np.arange(pairs.sequence_length)[None]
        first_end, last_end = a_length + 1, a_length + b_length + 2
        # Of a [SEP], the token that the text goes on with: it says whether a word is cut.
        index = np.where(place <= first_end, spans[:, _A_START] + place - 1, spans[:, _B_START] + place - first_end - 1)
        index = np.where((place > 0) & (place <= last_end), index, len(documents.tokens))
        word_starts = documents.word_starts[index]
        token_ids = documents.tokens[np.minimum(index, len(documents.tokens) - 1)]
        token_ids = np.where((place == first_end) | (place == last_end), pairs.eos_id, token_ids)
        token_ids = np.where(place > last_end, pairs.pad_id, token_ids).astype(np.int32)
        token_ids[:, 0] = pairs.bos_id
        second = (place > first_end) & (place <= last_end)
        return TextRows(
            token_ids,
            last_end[:, 0] + 1,
            second.astype(np.int32),
            word_starts,
            self.spans[indices, _UNRELATED].astype(np.int32),
        )
