"""What a SentencePiece model makes of a text before it splits it, inside a graph."""

import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2

from zoo.tokenizers.sentencepiece.resource import LastingSentencepiece

_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece


class SentencePieceNormalizer(tf.Module):
    """The map of characters of a SentencePiece model, blanks left as they are.

    No operation gives the normalised text, but one that splits into pieces gives those that a model does not know as
    they are; so this is a model that knows none.
    """

    def __init__(self, model: bytes):
        """Creates the resource.

        Args:
            model: The bytes of a SentencePiece model.
        """
        super().__init__(name="sentence_piece_normalizer")
        proto = sentencepiece_model_pb2.ModelProto.FromString(model)
        # The model's own symbols are not normalised. A model must have an ordinary piece, any will do.
        kept = [piece for piece in proto.pieces if piece.type == _KINDS.USER_DEFINED]
        pieces = [_KINDS(piece="<unk>", type=_KINDS.UNKNOWN), _KINDS(piece="\U0010ffff"), *kept]
        del proto.pieces[:]
        proto.pieces.extend(pieces)
        proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.UNIGRAM
        proto.trainer_spec.byte_fallback = False
        proto.trainer_spec.treat_whitespace_as_suffix = False
        proto.trainer_spec.unk_id = 0
        for role in ("bos", "eos", "pad"):
            setattr(proto.trainer_spec, f"{role}_id", -1)
        rules = proto.normalizer_spec
        rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = False
        with tf.init_scope():
            self._splitter = LastingSentencepiece(proto.SerializeToString(deterministic=True), out_type=tf.string)

    def __call__(self, texts) -> tf.Tensor:
        """Normalised texts.

        Args:
            texts: string [B], valid UTF-8.

        Returns:
            string [B].
        """
        return tf.strings.reduce_join(self._splitter.tokenize(texts), axis=-1)


def without_normalization(model: bytes) -> bytes:
    """The same model for texts that `SentencePieceNormalizer` has normalised."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.precompiled_charsmap = b""
    return proto.SerializeToString(deterministic=True)
