"""What rows of one segment have in common."""

from zoo.errors import UserError


class SingleSegmentRows:
    """Documents that rows `[CLS] text [SEP]` are made of, and the special tokens of the rows.

    Args:
        documents: `TokenizedDocuments`.
        sequence_length: S, special tokens included.
        bos_id, eos_id, pad_id: Ids of [CLS], [SEP] and [PAD].
    """

    def __init__(self, documents, *, sequence_length, bos_id, eos_id, pad_id):
        if sequence_length < 3:
            raise UserError(f"sequence_length={sequence_length} must be at least 3: a token between [CLS] and [SEP]")
        self.documents = documents
        self.sequence_length = sequence_length
        self.bos_id, self.eos_id, self.pad_id = bos_id, eos_id, pad_id
