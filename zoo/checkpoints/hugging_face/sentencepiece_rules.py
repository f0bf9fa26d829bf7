"""How text becomes pieces and back with T5, mBART and PEGASUS: by SentencePiece's usual rules, or refused.

transformers goes by tokenizer.json where it is there, and by rules of its own beside a SentencePiece model. Both are
SentencePiece's usual rules, or the answers would be others than here.
"""

import base64

from sentencepiece import sentencepiece_model_pb2

from zoo.errors import UserError

_BLANK = "\u2581"
# Settings of a SentencePiece model: the one value with which transformers does the same.
_NORMALIZER = {"add_dummy_prefix": True, "remove_extra_whitespaces": True, "escape_whitespaces": True}
_TRAINER = {
    "model_type": sentencepiece_model_pb2.TrainerSpec.UNIGRAM,
    "treat_whitespace_as_suffix": False,
    "byte_fallback": False,
}
_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece
_KINDS_OF_PIECES = {_KINDS.UNUSED: "unused", _KINDS.USER_DEFINED: "user_defined"}
# Of a part "Metaspace" of tokenizer.json: the values that say the same; early files say add_prefix_space.
_METASPACE = {
    "replacement": (_BLANK,),
    "prepend_scheme": ("always", None),
    "add_prefix_space": (True, None),
    "str_rep": (_BLANK, None),
    "split": (True, None),
}


def check_model_rules(proto, path):
    """Refuses a SentencePiece model that transformers would read by other rules than its own.

    Args:
        proto: The `ModelProto` of the file.
        path: The file.

    Raises:
        UserError: naming the setting, or the piece.
    """
    for spec, wanted in ((proto.normalizer_spec, _NORMALIZER), (proto.trainer_spec, _TRAINER)):
        for key, value in wanted.items():
            if getattr(spec, key) != value:
                raise UserError(
                    f"{path}: {key} {getattr(spec, key)!r} is not supported; it must be {value!r}, as transformers "
                    "takes it to be"
                )
    for piece in proto.pieces:
        if piece.type in _KINDS_OF_PIECES:
            kind = _KINDS_OF_PIECES[piece.type]
            raise UserError(
                f"{path}: the piece {piece.piece!r} is {kind}, which is not supported: transformers takes no notice "
                "of it, or reads it otherwise"
            )


def character_map(normalizer):
    """The bytes of SentencePiece's normalisation in a normaliser of tokenizer.json, or None."""
    for part in _parts(normalizer, "normalizers"):
        if part.get("type") == "Precompiled":
            return base64.b64decode(part["precompiled_charsmap"])
    return None


def check_json_rules(content, path, around):
    """Refuses rules of a tokenizer.json that are not SentencePiece's.

    Args:
        content: The JSON object of the file.
        path: The file.
        around: The tokens that the file must put before and behind a text; None if transformers does not go by the
            file there.

    Raises:
        UserError: naming the part of the file.
    """
    model = content.get("model") or {}
    if model.get("type") != "Unigram" or model.get("byte_fallback"):
        raise UserError(
            f"{path}: a model of type {model.get('type')!r} is not supported for this family; it must be Unigram"
            + (" without byte_fallback" if model.get("byte_fallback") else "")
        )
    number, entries = model.get("unk_id"), model.get("vocab") or []
    if not isinstance(number, int) or not 0 <= number < len(entries) or entries[number][0] != "<unk>":
        raise UserError(f"{path}: unk_id {number!r} is not supported; it must be the number of '<unk>'")
    for part in _parts(content.get("normalizer"), "normalizers"):
        if not _is_usual_normalizer(part):
            raise UserError(f"{path}: normalizer {part.get('type')!r} is not supported beside SentencePiece's own")
    words = _parts(content.get("pre_tokenizer"), "pretokenizers")
    kinds = [part.get("type") for part in words]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        raise UserError(
            f"{path}: pre_tokenizer {kinds} is not supported; pre-tokenizers other than WhitespaceSplit and Metaspace "
            "are not"
        )
    _check_metaspace(words[-1], "pre_tokenizer", path)
    decoder = content.get("decoder") or {}
    if decoder.get("type") != "Metaspace":
        raise UserError(f"{path}: decoder {decoder.get('type')!r} is not supported; it must be 'Metaspace'")
    _check_metaspace(decoder, "decoder", path)
    if around is not None:
        _check_around(content.get("post_processor"), around, path)


def check_beside_model(content, path, proto, model_path, around, map_may_be_lost):
    """Refuses a tokenizer.json that says something else than the SentencePiece model beside it.

    Args:
        content, path, around: As in `check_json_rules`.
        proto: The `ModelProto` with the numbering of the family.
        model_path: The model's file.
        map_may_be_lost: Whether the file need not hold the normalisation: transformers 5 writes none for mBART.

    Raises:
        UserError: naming what differs.
    """
    check_json_rules(content, path, around)
    found = character_map(content.get("normalizer"))
    if found != proto.normalizer_spec.precompiled_charsmap and not (found is None and map_may_be_lost):
        raise UserError(
            f"{path}: its normalizer is another than that of {model_path.name}; remove the file that is wrong"
        )
    entries = content["model"].get("vocab") or []
    normal = sentencepiece_model_pb2.ModelProto.SentencePiece.NORMAL
    for number, piece in enumerate(proto.pieces):
        if piece.type == normal and (number >= len(entries) or entries[number][0] != piece.piece):
            raise UserError(
                f"{path}: token {number} of its vocabulary is another than the {piece.piece!r} of {model_path.name}; "
                "remove the file that is wrong"
            )


def _parts(part, several):
    """The parts of a part of tokenizer.json that may be a sequence of them, a list."""
    if part is None:
        return []
    parts = part[several] if part.get("type") == "Sequence" else [part]
    return [each if isinstance(each, dict) else {} for each in parts]


def _is_usual_normalizer(part):
    kind = part.get("type")
    if kind == "Replace":
        # Runs of blanks are one, which SentencePiece sees to as well.
        return part.get("pattern") in ({"Regex": " {2,}"}, {"Regex": r"\n"}) and part.get("content") in (" ", _BLANK)
    return kind in ("Precompiled", "Strip")


def _check_metaspace(part, place, path):
    for key, values in _METASPACE.items():
        if part.get(key) not in values:
            raise UserError(f"{path}: {key} {part.get(key)!r} of {place} is not supported; it must be {values[0]!r}")


def _check_around(processor, around, path):
    single = (processor or {}).get("single")
    pieces = [next(iter(piece.values())).get("id") for piece in single or []]
    before, behind = around
    if pieces != [*before, "A", *behind]:
        before = f"{before[0]} before and " if before else ""
        raise UserError(
            f"{path}: post_processor {pieces} is not supported; it must put {before}{behind[0]} behind a text"
        )
