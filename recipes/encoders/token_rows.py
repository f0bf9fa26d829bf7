"""What a task reads of texts, as rows of tokens to train on."""


class TokenRowLists:
    """Rows of tokens, collected from batches that a task has encoded.

    Attributes:
        token_ids, segment_ids: lists of int32 arrays, padding left out.
    """

    def __init__(self):
        self.token_ids, self.segment_ids = [], []

    def add(self, tensors):
        """Adds the rows of a batch.

        Args:
            tensors: Of a `zoo.tasks.encoded.Encoded`: `token_ids`, `padding_mask` and, where the model tells texts
                apart by them, `segment_ids`.
        """
        rows = {name: value.numpy() for name, value in tensors.items()}
        lengths = rows["padding_mask"].sum(axis=1)
        for kept, name in ((self.token_ids, "token_ids"), (self.segment_ids, "segment_ids")):
            values = rows.get(name, rows["padding_mask"] * 0)
            kept += [row[:length] for row, length in zip(values, lengths, strict=True)]
