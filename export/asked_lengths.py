"""Which inputs are asked one at a time and how often: of a large model every token costs time and memory."""

import tensorflow as tf

LARGE = 2**26
"""Weights from which on a model is a large one: with 64 million a token takes about 0.1 GFLOP."""
TOGETHER = 64
"""Tokens up to which inputs of a large model share a request."""
_ALONE, _ALONE_OF_LARGE = 8, 2


class AskedLengths:
    """How the inputs of a parity check are divided into requests.

    The rows of a request are as long as its longest one. So a large model is asked inputs of more than `TOGETHER`
    tokens one by one and once; and of the shorter ones few are asked alone beside their batch.

    Args:
        task: a `zoo.tasks.task.Task`.

    Attributes:
        large: whether its model is a large one.
        together: tokens of an input up to which it shares a request; None if all do.
        alone: how many rows of a batch are asked alone too.
    """

    def __init__(self, task):
        self._task = task
        self.large = task.model.count_params() >= LARGE
        self.together = TOGETHER if self.large else None
        self.alone = _ALONE_OF_LARGE if self.large else _ALONE

    def apart(self, rows):
        """Rows that share requests, and those that are asked one by one, from the shortest to the longest.

        Args:
            rows: list of dict from input name to bytes.
        """
        if not self.large:
            return rows, []
        tokens = self.tokens(rows)
        long = [place for place in range(len(rows)) if tokens[place] > TOGETHER]
        return (
            [row for place, row in enumerate(rows) if place not in long],
            [rows[place] for place in sorted(long, key=tokens.__getitem__)],
        )

    def of_signatures(self, requests):
        """Tokens of the longest row of requests: dict from signature to the different numbers, rising.

        Args:
            requests: list of `ParityRequest`.
        """
        found = {}
        for request in requests:
            rows = [dict(zip(request.texts, request.row_texts(row), strict=True)) for row in range(request.num_rows)]
            found.setdefault(request.signature, set()).add(max(self.tokens(rows), default=0))
        return {signature: sorted(lengths) for signature, lengths in found.items()}

    def tokens(self, rows):
        """Tokens of rows without special ones, list of int: at most as many as the task reads."""
        texts = [text for row in rows for text in row.values()]
        if not texts:
            return []
        counts = iter(self._task.tokenizer.encode(tf.constant(texts)).row_lengths().numpy().tolist())
        return [min(sum(next(counts) for _ in row), self._task.max_source_length) for row in rows]
