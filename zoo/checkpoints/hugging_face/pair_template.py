"""What the tokenizer of a Hugging Face directory puts between and around two texts."""

from typing import NamedTuple

from zoo.checkpoints.hugging_face.byte_pair_post_processor import processors
from zoo.checkpoints.hugging_face.byte_pair_tokenizer import is_byte_pair
from zoo.checkpoints.hugging_face.directory_files import FAST_FILE, TOKENIZER_CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.tokenizer_settings import GENERIC_CLASSES, tokenizer_class
from zoo.errors import UserError


class PairTemplate(NamedTuple):
    """Two texts as a tokenizer joins them.

    Attributes:
        separators: End tokens between the texts.
        second_segment: Segment of the second text.
    """

    separators: int
    second_segment: int


BERT = PairTemplate(separators=1, second_segment=1)
"""`[CLS] a [SEP] b [SEP]`."""
ROBERTA = PairTemplate(separators=2, second_segment=0)
"""`<s> a </s></s> b </s>`."""

# Of classes, without "Fast", that transformers gives a template of their own, whatever the file says.
_OF_CLASS = {
    **dict.fromkeys(
        (
            "BertTokenizer",
            "DistilBertTokenizer",
            "ElectraTokenizer",
            "AlbertTokenizer",
            "DebertaV2Tokenizer",
        ),
        BERT,
    ),
    **dict.fromkeys(
        ("RobertaTokenizer", "BartTokenizer", "XLMRobertaTokenizer", "CamembertTokenizer", "MPNetTokenizer"), ROBERTA
    ),
}
_SEGMENTS = "token_type_ids"
# Of models that have no segments, so that whatever tokenizer.json says of them makes no difference.
_WITHOUT_SEGMENTS = ("MPNetTokenizer",)


def read_pair_template(directory) -> PairTemplate:
    """The template of a directory's tokenizer, after its class and tokenizer.json.

    Args:
        directory: A Hugging Face directory.

    Raises:
        UserError: for a tokenizer that has no template for pairs, one that the zoo cannot follow, and a tokenizer.json
            that says something else than the class of the tokenizer.
    """
    files = DirectoryFiles.of(directory)
    name = tokenizer_class(files)
    if name in (None, *GENERIC_CLASSES) and not files.holds(FAST_FILE):
        name = "RobertaTokenizer" if is_byte_pair(files) else "BertTokenizer"
    template = None if name is None else _OF_CLASS.get(name)
    if files.holds(FAST_FILE):
        found = _of_processor(files.json(FAST_FILE).get("post_processor"), files / FAST_FILE)
        if name in _WITHOUT_SEGMENTS:
            found = found._replace(second_segment=0)
        if template not in (None, found):
            raise UserError(
                f"{files / FAST_FILE}: a pair of post_processor with {found.separators} separators and segment "
                f"{found.second_segment} of the second text is not supported beside class {name}, which has "
                f"{template.separators} and {template.second_segment}"
            )
        template = found
    if template is None:
        raise UserError(f"{files}: how a tokenizer of class {name!r} joins two texts is not known")
    names = files.json(TOKENIZER_CONFIG_FILE).get("model_input_names")
    if isinstance(names, list) and _SEGMENTS not in names:
        template = template._replace(second_segment=0)
    return template


def template_of(tokenizer) -> PairTemplate:
    """The template that transformers' classes have for such a tokenizer: RoBERTa's where texts begin with <s>."""
    return ROBERTA if tokenizer.id_to_token([tokenizer.bos_id]) == ["<s>"] else BERT


def _of_processor(processor, path):
    # ByteLevel is about offsets.
    several = [part for part in processors(processor) if part.get("type") != "ByteLevel"]
    kind = several[0].get("type") if len(several) == 1 else None
    if kind in ("BertProcessing", "RobertaProcessing"):
        return BERT if kind == "BertProcessing" else ROBERTA
    found = _of_pieces(several[0]) if kind == "TemplateProcessing" else None
    if found is None:
        raise UserError(
            f"{path}: post_processor does not join two texts as `[CLS] a [SEP] b [SEP]` or `<s> a </s></s> b </s>`"
        )
    return found


def _of_pieces(processor):
    """The template of a TemplateProcessing, or None if it is neither of those that are known."""
    pieces = processor.get("pair") or []
    tokens = [piece.get("SpecialToken", {}).get("id") for piece in pieces]
    single = [piece.get("SpecialToken", {}).get("id") for piece in processor.get("single") or []]
    segments = [next(iter(piece.values())).get("type_id") for piece in pieces]
    texts = [place for place, token in enumerate(tokens) if token is None]
    if len(single) != 3 or single[1] is not None or len(texts) != 2 or texts[0] != 1 or texts[1] != len(pieces) - 2:
        return None
    separators = texts[1] - 2
    wanted = [single[0], None, *[single[2]] * separators, None, single[2]]
    names = [pieces[place].get("Sequence", {}).get("id") for place in texts]
    second = segments[-1]
    known = [0] * texts[1] + [second] * 2
    fits = tokens == wanted and names == ["A", "B"] and segments == known and separators in (1, 2) and second in (0, 1)
    return PairTemplate(separators, second) if fits else None
