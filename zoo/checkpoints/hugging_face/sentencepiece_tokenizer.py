"""SentencePiece tokenizers of Hugging Face directories, whose ids are other than those of the model file.

XLM-RoBERTa, CamemBERT, mBART, PEGASUS and T5 number the pieces of a SentencePiece model anew and put special tokens
before and after them. The tokenizer here is one of a SentencePiece model made with that very numbering.
"""

from dataclasses import dataclass, replace

from sentencepiece import sentencepiece_model_pb2

from zoo.checkpoints.hugging_face.added_tokens import DescribedTokens
from zoo.checkpoints.hugging_face.directory_files import FAST_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.mbart_languages import MBART50_LANGUAGES, MBART_LANGUAGES
from zoo.checkpoints.hugging_face.sentencepiece_rules import (
    character_map,
    check_beside_model,
    check_json_rules,
    check_model_rules,
)
from zoo.errors import UserError
from zoo.tokenizers import SentencePieceTokenizer

_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece


@dataclass(frozen=True)
class SentencePieceNumbering:
    """How a family numbers the pieces of its model file.

    Attributes:
        model_file: Name of the file.
        before: Special tokens with the first ids.
        replaced: The file's own first pieces, in the place of which those stand.
        after: Special tokens behind the file's last piece.
        unk, bos, eos, pad, mask: Spellings of the special tokens that have a part to play; None for one that there is
            not.
        extra: Special tokens without one, which text yields.
        swallowing: Parts whose tokens swallow the blanks before them.
        around: What tokenizer.json must put before and behind a text; None where the family does not go by that.
    """

    model_file: str
    before: tuple[str, ...]
    replaced: tuple[str, ...]
    after: tuple[str, ...]
    unk: str = "<unk>"
    bos: str | None = None
    eos: str = "</s>"
    pad: str = "<pad>"
    mask: str | None = None
    extra: tuple[str, ...] = ()
    swallowing: tuple[str, ...] = ()
    around: tuple[tuple[str, ...], tuple[str, ...]] | None = ((), ("</s>",))

    @property
    def roles(self) -> dict[str, str]:
        """The special tokens by their parts, as `DescribedTokens` takes them."""
        roles = dict(unk=self.unk, bos=self.bos, cls=self.bos, eos=self.eos, pad=self.pad, mask=self.mask)
        return {role: token for role, token in roles.items() if token is not None}


# Numbered by fairseq, as mBART's.
XLM_ROBERTA_NUMBERING = SentencePieceNumbering(
    model_file="sentencepiece.bpe.model",
    before=("<s>", "<pad>", "</s>", "<unk>"),
    replaced=("<unk>", "<s>", "</s>"),
    after=("<mask>",),
    bos="<s>",
    mask="<mask>",
    swallowing=("mask",),
    around=(("<s>",), ("</s>",)),
)
_NOT_USED = ("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")
# fairseq's numbering before a vocabulary that has those special tokens itself.
CAMEMBERT_NUMBERING = replace(
    XLM_ROBERTA_NUMBERING,
    before=("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"),
    extra=_NOT_USED,
)
MBART_NUMBERING, MBART50_NUMBERING = (
    replace(XLM_ROBERTA_NUMBERING, after=(*languages, "<mask>"), extra=languages, around=None)
    for languages in (MBART_LANGUAGES, MBART50_LANGUAGES)
)
# A model of 96,000 pieces has 96,103 ids: the masks and 101 tokens of training are 103.
PEGASUS_NUMBERING = SentencePieceNumbering(
    model_file="spiece.model",
    before=("<pad>", "</s>", "<mask_1>", "<mask_2>", *(f"<unk_{i}>" for i in range(2, 103))),
    replaced=("<pad>", "</s>"),
    after=(),
    mask="<mask_2>",
    extra=("<mask_1>", *(f"<unk_{i}>" for i in range(2, 103))),
)


def t5_numbering(extra_ids):
    """Of T5: the file's own, and behind it the tokens that stand for what is left out of a text, the last one first."""
    special = ("<pad>", "</s>", "<unk>")
    after = tuple(f"<extra_id_{i}>" for i in reversed(range(extra_ids)))
    return SentencePieceNumbering("spiece.model", before=special, replaced=special, after=after, extra=after)


def read_sentencepiece(directory, numbering, vocabulary_size=None):
    """Reads the tokenizer of a directory: its SentencePiece model file, or else tokenizer.json.

    Text is normalised and split as the SentencePiece model says. transformers 5 differs: it does not normalise for
    mBART, takes a blank at the end of a text for a token with mBART-50 and PEGASUS, and normalises a combining
    character together with the one before it. Special tokens decode to nothing; control tokens are not read from text.

    Args:
        directory: A Hugging Face directory.
        numbering: A `SentencePieceNumbering`.
        vocabulary_size: Of the model. Control tokens beyond it are left out.

    Returns:
        A `SentencePieceTokenizer`.

    Raises:
        UserError: for missing or damaged files, and a tokenizer.json that cannot be followed.
    """
    files = DirectoryFiles.of(directory)
    path, fast = files / numbering.model_file, files / FAST_FILE
    described = DescribedTokens(
        files,
        roles=numbering.roles,
        extra=numbering.extra,
        swallowing=numbering.swallowing,
        from_model_file=not fast.is_file(),
    )
    for role, token in numbering.roles.items():
        if described.roles[role] != token:
            raise UserError(
                f"{described.path_of_role(role)}: {role}_token {described.roles[role]!r} is not supported; it must be "
                f"{token!r}"
            )
    if path.is_file():
        model = _numbered_model(SentencePieceTokenizer.from_model_file(path).model, numbering, path)
        if fast.is_file():
            proto, around = sentencepiece_model_pb2.ModelProto.FromString(model), numbering.around
            check_beside_model(files.json(FAST_FILE), fast, proto, path, around, map_may_be_lost=around is None)
    elif fast.is_file():
        path = fast
        model = _model_of_json(files.json(FAST_FILE), numbering, fast)
    else:
        raise UserError(f"{files} holds neither {numbering.model_file} nor {FAST_FILE}: its tokenizer is missing")
    pieces = sentencepiece_model_pb2.ModelProto.FromString(model).pieces
    ids = {piece.piece: number for number, piece in enumerate(pieces)}
    try:
        return SentencePieceTokenizer(model, described.added(ids, len(pieces), vocabulary_size))
    except UserError as error:
        raise UserError(f"{path} makes no tokenizer with the special tokens of its family: {error}") from error


def _numbered_model(content, numbering, path):
    """The model of a file with another numbering, as bytes."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(content)
    check_model_rules(proto, path)
    pieces = list(proto.pieces)
    first = tuple(piece.piece for piece in pieces[: len(numbering.replaced)])
    if first != numbering.replaced:
        raise UserError(
            f"{path} begins with the pieces {', '.join(first)}; those of its family begin with "
            f"{', '.join(numbering.replaced)}"
        )
    kept = [(piece.piece, piece.score, piece.type) for piece in pieces[len(numbering.replaced) :]]
    before, after = ([(token, 0.0, None) for token in tokens] for tokens in (numbering.before, numbering.after))
    del proto.pieces[:]
    return _with_pieces(proto, [*before, *kept, *after], numbering)


def _model_of_json(content, numbering, path):
    """The model that a tokenizer.json of type Unigram describes, as bytes."""
    check_json_rules(content, path, numbering.around)
    found = content["model"]
    characters = character_map(content.get("normalizer"))
    if characters is None:
        raise UserError(
            f"{path} lacks the normalisation of {numbering.model_file}, which transformers 5 loses; put that file in "
            "its place"
            if numbering.around is not None
            else f"{path} lacks the normalisation of {numbering.model_file}, which transformers 5 loses; put that file "
            "beside it"
        )
    special = {token["content"] for token in content.get("added_tokens", ()) if token.get("special")}
    pieces = [
        (token, score, None if token in special or number == found.get("unk_id") else _KINDS.NORMAL)
        for number, (token, score) in enumerate(found["vocab"])
    ]
    proto = sentencepiece_model_pb2.ModelProto()
    proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.UNIGRAM
    proto.normalizer_spec.name = "from_tokenizer_json"
    proto.normalizer_spec.precompiled_charsmap = characters
    return _with_pieces(proto, pieces, numbering)


def _with_pieces(proto, pieces, numbering):
    """The bytes of a model with these pieces, (spelling, score, type); a special token's type is None."""
    for piece, score, kind in pieces:
        if kind is None:
            kind = _KINDS.UNKNOWN if piece == numbering.unk else _KINDS.CONTROL
        proto.pieces.add(piece=piece, score=score, type=kind)
    numbers = {piece: number for number, (piece, _, _) in enumerate(pieces)}
    spec = proto.trainer_spec
    spec.vocab_size = len(pieces)
    # transformers leaves unknown tokens out of an answer.
    spec.unk_surface = ""
    for role in ("unk", "bos", "eos", "pad"):
        token = getattr(numbering, role)
        setattr(spec, f"{role}_id", numbers.get(token, -1))
        if token is not None:
            setattr(spec, f"{role}_piece", token)
    return proto.SerializeToString()
