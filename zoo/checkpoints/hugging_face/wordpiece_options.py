"""How the WordPiece tokenizer of a Hugging Face directory normalises and splits text, after the file that counts."""

from zoo.checkpoints.hugging_face.directory_files import FAST_FILE, TOKENIZER_CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.tokenizer_settings import GENERIC_CLASSES, tokenizer_class
from zoo.errors import UserError
from zoo.tokenizers.wordpiece.vocabulary import SPECIAL_TOKENS

MPNET = "MPNetTokenizer"
SPECIAL_TOKENS_OF_CLASS = {
    **dict.fromkeys(("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", *GENERIC_CLASSES), SPECIAL_TOKENS),
    MPNET: ("<pad>", "[UNK]", "<s>", "</s>", "<mask>"),
}
"""Classes, without "Fast", whose tokenizers are BERT's but for the spelling of special tokens: those by class."""

_MAX_WORD_LENGTH = 100
# Our argument: (key of tokenizer_config.json, its default, key of a normaliser in tokenizer.json).
_KEYS = {
    "lowercase": ("do_lower_case", True, "lowercase"),
    "strip_accents": ("strip_accents", None, "strip_accents"),
    "split_cjk": ("tokenize_chinese_chars", True, "handle_chinese_chars"),
}


def wordpiece_options(directory):
    """The arguments of `WordPieceTokenizer` but its vocabulary and tokens.

    The classes of BERT go by tokenizer_config.json, with defaults for what it does not say, whatever the normaliser of
    tokenizer.json: transformers 4 changes that normaliser, and transformers 5 makes a new one. Classes that do nothing
    of their own go by tokenizer.json. The rest of that file must be as BERT's is.

    Args:
        directory: A Hugging Face directory.

    Raises:
        UserError: for damaged files, other classes, and parts of tokenizer.json other than BERT's.
    """
    files = DirectoryFiles.of(directory)
    path, fast_path = files / TOKENIZER_CONFIG_FILE, files / FAST_FILE
    config, fast = files.json(TOKENIZER_CONFIG_FILE), files.json(FAST_FILE)
    name = tokenizer_class(files) or "BertTokenizer"
    if name not in SPECIAL_TOKENS_OF_CLASS:
        raise UserError(f"{path}: tokenizer_class {name!r} is not supported; supported are those of BERT")
    if config.get("do_basic_tokenize", True) is not True:
        raise UserError(f"{path}: do_basic_tokenize must be true, got {config['do_basic_tokenize']!r}")
    max_word_length = _MAX_WORD_LENGTH
    if fast:
        _check_parts(fast, fast_path, SPECIAL_TOKENS_OF_CLASS[name])
        max_word_length = fast["model"].get("max_input_chars_per_word", _MAX_WORD_LENGTH)
    if name in GENERIC_CLASSES:
        if not fast:
            raise UserError(f"{path}: tokenizer_class {name!r} needs {FAST_FILE}, which is not there")
        given, path = fast["normalizer"], fast_path
        names = {ours: (theirs, default) for ours, (_, default, theirs) in _KEYS.items()}
    else:
        if max_word_length != _MAX_WORD_LENGTH:
            raise UserError(
                f"{fast_path}: max_input_chars_per_word {max_word_length!r} is not supported for {name}, of which "
                f"transformers 5 makes {_MAX_WORD_LENGTH}"
            )
        given = config
        names = {ours: (theirs, default) for ours, (theirs, default, _) in _KEYS.items()}
    options = {"max_word_length": max_word_length, "special_tokens": SPECIAL_TOKENS_OF_CLASS[name]}
    for ours, (theirs, default) in names.items():
        options[ours] = given.get(theirs, default)
        if not isinstance(options[ours], bool) and not (options[ours] is None and default is None):
            raise UserError(f"{path}: {theirs} {options[ours]!r} is not supported; it must be true or false")
    return options


def _check_parts(content, path, special_tokens):
    """Refuses what a tokenizer.json may have in place of BERT's parts."""
    for part, wanted in (("normalizer", "BertNormalizer"), ("pre_tokenizer", "BertPreTokenizer")):
        found = _type_of(content.get(part))
        if found != wanted:
            raise UserError(f"{path}: {part} {found!r} is not supported; it must be BERT's, {wanted!r}")
    if content["normalizer"].get("clean_text") is not True:
        raise UserError(f"{path}: clean_text must be true, got {content['normalizer'].get('clean_text')!r}")
    model = content.get("model") or {}
    _, unknown, begin, end, _ = special_tokens
    if model.get("unk_token", "[UNK]") != unknown:
        raise UserError(f"{path}: unk_token {model['unk_token']!r} is not supported; it must be '[UNK]'")
    _check_around(content.get("post_processor"), model.get("vocab") or {}, path, begin, end)


def _check_around(processor, vocabulary, path, begin, end):
    """Refuses special tokens around a text other than [CLS] before it and [SEP] behind it, both of segment 0."""
    kind = _type_of(processor)
    ids = {token: vocabulary.get(token) for token in (begin, end)}
    if kind in ("BertProcessing", "RobertaProcessing"):
        found = [tuple(processor["cls"]), tuple(processor["sep"])]
        right = found == list(ids.items())
    elif kind == "TemplateProcessing":
        wanted = [
            {"SpecialToken": {"id": begin, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": end, "type_id": 0}},
        ]
        tokens = processor.get("special_tokens", {})
        right = processor.get("single") == wanted and all(
            tokens.get(token, {}).get("ids") == [number] for token, number in ids.items()
        )
    else:
        right = False
    if not right:
        raise UserError(
            f"{path}: post_processor {kind!r} is not supported unless it puts {begin} before and {end} behind a text, "
            "both of segment 0 (id and type_id of single) and with their numbers in the vocabulary (special_tokens)"
        )


def _type_of(part):
    return part.get("type") if isinstance(part, dict) else part
