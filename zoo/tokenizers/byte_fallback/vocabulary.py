"""Vocabularies of byte-pair encoding with byte fallback: entries, merges, and the tokens of bytes."""

import re
from collections.abc import Iterable, Mapping, Sequence

from sentencepiece import sentencepiece_model_pb2

from zoo.errors import UserError
from zoo.tokenizers.byte_pair.merging import NO_ENTRY, UNMADE, finishing_merges
from zoo.tokenizers.byte_pair.vocabulary import checked_ids, entries_by_id, merge_ids, merge_pairs

BLANK = "\u2581"
"""What vocabularies have for a blank."""
_BYTE = re.compile("<0x([0-9A-Fa-f]{2})>")
_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece
# No character that a text can hold next to itself in an entry; a model must have a piece for what it does not know.
_UNKNOWN_PIECE = "<unk>"


class ByteFallbackVocabulary:
    """A checked vocabulary.

    An object of its own because TensorFlow looks through every list, tuple and dict that a module holds, entry by entry
    and many times, whenever the module is saved.

    Attributes:
        tokens: The entries by id.
        ids: The ids by entry.
        merges: Pairs of entries, by rank.
        bytes_of: The byte that each entry stands for by id, such as 0x0A for "<0x0A>"; None for other entries.
    """

    def __init__(
        self, vocabulary: Mapping[str, int] | Sequence[str], merges: Iterable[tuple[str, str]], apart: Iterable[str]
    ):
        """Checks and stores a vocabulary.

        Args:
            vocabulary, merges: As of `ByteFallbackTokenizer`.
            apart: Entries that text does not become by merges, such as control tokens.

        Raises:
            UserError: naming the entry or merge at fault.
        """
        self.tokens = tuple(token for _, token in entries_by_id(checked_ids(vocabulary)))
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.merges = merge_pairs(merges)
        matches = map(_BYTE.fullmatch, self.tokens)
        self.bytes_of = tuple(None if found is None else int(found[1], 16) for found in matches)
        for byte in range(256):
            if f"<0x{byte:02X}>" not in self.ids:
                raise UserError(f"the vocabulary has no entry '<0x{byte:02X}>'; those of all 256 bytes must be there")
        is_byte = {token for token, byte in zip(self.tokens, self.bytes_of, strict=True) if byte is not None}
        apart = {*apart, *is_byte}
        numbers = merge_ids(self.merges, self.ids, apart)
        spellings = [
            () if token in apart else [self.ids.get(part, NO_ENTRY) for part in token] for token in self.tokens
        ]
        self._finishing = finishing_merges(spellings, numbers)
        self._made = [
            number
            for number, symbols in enumerate(spellings)
            if len(symbols) == 1 or (symbols and self._finishing[number] != UNMADE)
        ]
        for number in self._made:
            if "\x00" in self.tokens[number]:
                raise UserError(f"vocabulary entry {self.tokens[number]!r} holds NUL, which is not supported")

    def merging_model(self) -> tuple[bytes, list[int]]:
        """A SentencePiece model that encodes as the merges do, and the id of each of its pieces.

        It joins the two neighbours whose union has the highest score, whatever the two are: the same as the pair of the
        lowest rank if the score of an entry is the rank of the merge that finishes it, negated, and entries that no
        merges make are left out.
        """
        proto = sentencepiece_model_pb2.ModelProto()
        proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
        proto.trainer_spec.byte_fallback = True
        rules = proto.normalizer_spec
        rules.name = "identity"
        rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = False
        proto.pieces.add(piece=_UNKNOWN_PIECE, score=0.0, type=_KINDS.UNKNOWN)
        spelled = [f"<0x{byte:02X}>" for byte in range(256)]
        for piece in spelled:
            proto.pieces.add(piece=piece, score=0.0, type=_KINDS.BYTE)
        for number in self._made:
            proto.pieces.add(piece=self.tokens[number], score=-float(self._finishing[number]))
        return proto.SerializeToString(deterministic=True), [0, *(self.ids[piece] for piece in spelled), *self._made]
