"""Words to byte-pair tokens, inside a graph: a table for words that are one token, merges for the others."""

import numpy as np
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2

from zoo.tokenizers.byte_pair.vocabulary import BytePairVocabulary
from zoo.tokenizers.byte_pair.words import Words
from zoo.tokenizers.character_ranges import class_content
from zoo.tokenizers.sentencepiece.resource import LastingSentencepiece
from zoo.tokenizers.wordpiece.word_tokens import Tokens, join_word_tokens

# The bytes that no UTF-8 text holds; the last stands for NUL, which SentencePiece cannot hold.
_NEVER_IN_TEXT = frozenset((0xC0, 0xC1, *range(0xF5, 0x100)))
_NUL = b"\xfe"
# Not of Latin-1, so that it is no entry.
_UNKNOWN_PIECE = "\u2047"


class BytePairCover(tf.Module):
    """Byte-pair merges (Sennrich et al., 2016) by the operation SentencepieceTokenizeOp.

    That operation joins the two neighbours whose union has the highest score, whatever the two are, while BPE joins
    the pair of the lowest rank. Both are the same if the score of an entry is the rank of the merge that finishes it
    from its own bytes, negated, and entries that are not made of their own bytes are left out; `finishing_merges` says
    why there is only that one way to make an entry.
    """

    def __init__(self, vocabulary: BytePairVocabulary, ignore_merges: bool = False):
        """Creates the tables.

        Args:
            vocabulary: The vocabulary.
            ignore_merges: As of `BytePairTokenizer`.
        """
        super().__init__(name="byte_pair_cover")
        entries = vocabulary.token_bytes
        ids = [token_id for token_id in range(len(entries)) if vocabulary.is_made(token_id)]
        ids = [token_id for token_id in ids if _NEVER_IN_TEXT.isdisjoint(entries[token_id])]
        whole = [token_id for token_id, content in enumerate(entries) if content] if ignore_merges else ids
        words = [entries[token_id] for token_id in whole]
        self._dropped = _characters_of(vocabulary.missing_bytes)
        # Ids of pieces; the first is the one that every model must have.
        piece_ids = np.array([0, *ids], np.int64)
        # Tables belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            initializer = tf.lookup.KeyValueTensorInitializer(
                tf.constant(words, tf.string), tf.constant(whole, tf.int64)
            )
            self._table = tf.lookup.StaticHashTable(initializer, default_value=-1)
            self._merger = LastingSentencepiece(model=_merging_model(vocabulary, ids), out_type=tf.int32)
            self._piece_ids = tf.constant(piece_ids)

    def tokens(self, words: Words) -> Tokens:
        """The tokens of words."""
        ids = self._table.lookup(words.words)
        missing = tf.where(ids < 0)
        # Each different word once, however often it occurs.
        different, which = tf.unique(tf.gather_nd(words.words, missing))
        different = tf.strings.regex_replace(different, r"\x00", _NUL)
        # Every byte becomes a character.
        characters = tf.strings.unicode_transcode(different, "ISO-8859-1", "UTF-8")
        if self._dropped:
            characters = tf.strings.regex_replace(characters, self._dropped, "")
        pieces = self._merger.tokenize(characters)
        piece_ids = tf.gather(self._piece_ids, pieces.flat_values)
        return join_word_tokens(ids, missing, which, piece_ids, pieces.row_splits, words.row_splits)


def _characters_of(missing):
    """A regular expression of the characters that stand for bytes which are no entries but may be in a text."""
    points = [0xFE if byte == 0 else byte for byte in missing if byte not in _NEVER_IN_TEXT]
    return "[" + class_content(" ".join(f"{point:x}" for point in points)) + "]" if points else ""


def _merging_model(vocabulary, ids):
    """A SentencePiece model whose piece i + 1 is the entry ids[i], a character for each byte."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = False
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.escape_whitespaces = False
    proto.pieces.add(piece=_UNKNOWN_PIECE, score=0.0, type=sentencepiece_model_pb2.ModelProto.SentencePiece.UNKNOWN)
    for token_id in ids:
        characters = vocabulary.token_bytes[token_id].replace(b"\x00", _NUL).decode("latin-1")
        proto.pieces.add(piece=characters, score=-float(vocabulary.finishing[token_id]))
    return proto.SerializeToString(deterministic=True)
