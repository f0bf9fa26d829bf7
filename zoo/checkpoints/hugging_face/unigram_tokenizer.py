"""The SentencePiece tokenizers of encoders: those of XLM-RoBERTa and CamemBERT."""

import json

from zoo.architectures import architecture_named
from zoo.checkpoints.hugging_face.added_tokens import ADDED_TOKENS_DECODER, described_tokens_of, model_rows
from zoo.checkpoints.hugging_face.directory_files import FAST_FILE, TOKENIZER_CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.sentencepiece_tokenizer import (
    CAMEMBERT_NUMBERING,
    PEGASUS_NUMBERING,
    XLM_ROBERTA_NUMBERING,
    read_sentencepiece,
)
from zoo.checkpoints.hugging_face.sentencepiece_writing import numbering_of, unnumbered_model
from zoo.checkpoints.hugging_face.tokenizer_settings import GENERIC_CLASSES, tokenizer_class
from zoo.errors import UserError

_NUMBERINGS = {"XLMRobertaTokenizer": XLM_ROBERTA_NUMBERING, "CamembertTokenizer": CAMEMBERT_NUMBERING}
# Parts whose tokens the configuration names.
_ROLES = ("bos", "eos", "unk", "pad", "mask")


def is_unigram(directory):
    """Whether a directory's tokenizer is one of SentencePiece: tokenizer.json decides, else the model file.

    Raises:
        UserError: for a damaged tokenizer.json.
    """
    files = DirectoryFiles.of(directory)
    if files.holds(FAST_FILE):
        return (files.json(FAST_FILE).get("model") or {}).get("type") == "Unigram"
    # The other one is a file of families that are refused by name.
    return files.holds(XLM_ROBERTA_NUMBERING.model_file) or files.holds(PEGASUS_NUMBERING.model_file)


def read_unigram(directory):
    """Reads the tokenizer of a directory, a `SentencePieceTokenizer`.

    Raises:
        UserError: for missing or damaged files, and what cannot be followed exactly, by name.
    """
    files = DirectoryFiles.of(directory)
    numbering = _numbering(files)
    return read_sentencepiece(files, numbering, model_rows(files))


def _numbering(files):
    """That of the class which the files name, or else of the family; without a class of its own, of tokenizer.json."""
    name, path = tokenizer_class(files), files / TOKENIZER_CONFIG_FILE
    if name is None:
        family = architecture_named(files.config.get("model_type"))
        name, path = family and family.tokenizer_class, files
    if name not in (*_NUMBERINGS, *GENERIC_CLASSES, None):
        raise UserError(
            f"{path}: tokenizer_class {name!r} is not supported; of SentencePiece tokenizers "
            f"of encoders only {' and '.join(_NUMBERINGS)} are"
        )
    entries = (files.json(FAST_FILE).get("model") or {}).get("vocab")
    if name not in _NUMBERINGS and entries and entries[0][0] == CAMEMBERT_NUMBERING.before[0]:
        return CAMEMBERT_NUMBERING
    return XLM_ROBERTA_NUMBERING if name is None else _NUMBERINGS.get(name, XLM_ROBERTA_NUMBERING)


def unigram_files(tokenizer):
    """The files that `read_unigram` and transformers read a `SentencePieceTokenizer` from.

    Returns:
        Contents by file name, bytes.

    Raises:
        UserError: for one that is numbered otherwise than XLM-RoBERTa's and CamemBERT's, such as any that was trained
            here.
    """
    numbering = numbering_of("xlm-roberta", tokenizer)
    config = {
        "tokenizer_class": next(name for name, each in _NUMBERINGS.items() if each == numbering),
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": getattr(numbering, role) for role in _ROLES},
        ADDED_TOKENS_DECODER: described_tokens_of(tokenizer),
    }
    return {
        numbering.model_file: unnumbered_model(tokenizer, numbering),
        TOKENIZER_CONFIG_FILE: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
    }
