"""The SentencePiece model files of XLM-RoBERTa, mBART, PEGASUS, T5 and others: the inverse of `read_sentencepiece`."""

from sentencepiece import sentencepiece_model_pb2

from zoo.checkpoints.hugging_face.sentencepiece_rules import check_model_rules
from zoo.checkpoints.hugging_face.sentencepiece_tokenizer import (
    CAMEMBERT_NUMBERING,
    MBART50_NUMBERING,
    MBART_NUMBERING,
    PEGASUS_NUMBERING,
    XLM_ROBERTA_NUMBERING,
    t5_numbering,
)
from zoo.errors import UserError

_EXTRA_ID = "<extra_id_"
_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece


def numbering_of(family, tokenizer):
    """The `SentencePieceNumbering` of a family that a tokenizer's own ids follow.

    Args:
        family: "mbart", "pegasus", "t5" or "xlm-roberta", which stands for CamemBERT too.
        tokenizer: A `SentencePieceTokenizer`.

    Raises:
        UserError: for one that is numbered otherwise, such as any that was trained here.
    """
    pieces = tuple(tokenizer.id_to_token(range(tokenizer.own_vocabulary_size)))
    possible = {
        "mbart": (MBART50_NUMBERING, MBART_NUMBERING),
        "pegasus": (PEGASUS_NUMBERING,),
        "t5": (t5_numbering(sum(piece.startswith(_EXTRA_ID) for piece in pieces)),),
        "xlm-roberta": (XLM_ROBERTA_NUMBERING, CAMEMBERT_NUMBERING),
    }[family]
    for numbering in possible:
        first, last = len(numbering.before), len(pieces) - len(numbering.after)
        if pieces[:first] == numbering.before and pieces[max(last, 0) :] == numbering.after:
            return numbering
    first = possible[0].before[:4]
    raise UserError(
        f"it is built like {family.upper()}, whose tokenizer in transformers is no SentencePieceTokenizer that begins "
        f"with {', '.join(pieces[: len(first)])}: the first tokens there are {', '.join(first)}"
    )


def unnumbered_model(tokenizer, numbering):
    """The bytes of the model file that `read_sentencepiece` makes a tokenizer's model of.

    Args:
        tokenizer: A `SentencePieceTokenizer` of this numbering.
        numbering: A `SentencePieceNumbering`.

    Raises:
        UserError: for rules of splitting that transformers does not follow, naming the setting.
    """
    proto = sentencepiece_model_pb2.ModelProto.FromString(tokenizer.model)
    check_model_rules(proto, "its SentencePiece model")
    kept = list(proto.pieces)[len(numbering.before) : len(proto.pieces) - len(numbering.after)]
    kept = [(piece.piece, piece.score, piece.type) for piece in kept]
    first = [(token, 0.0, _KINDS.UNKNOWN if token == numbering.unk else _KINDS.CONTROL) for token in numbering.replaced]
    del proto.pieces[:]
    for piece, score, kind in (*first, *kept):
        proto.pieces.add(piece=piece, score=score, type=kind)
    numbers = {piece.piece: number for number, piece in enumerate(proto.pieces)}
    spec = proto.trainer_spec
    spec.vocab_size = len(proto.pieces)
    spec.ClearField("unk_surface")
    for role in ("unk", "bos", "eos", "pad"):
        setattr(spec, f"{role}_id", numbers.get(getattr(numbering, role), -1))
    return proto.SerializeToString()
