"""The tokenizers of Marian and BART directories, and the special tokens that they put around a text."""

from dataclasses import dataclass
from pathlib import Path

from zoo.checkpoints.hugging_face.byte_pair_tokenizer import read_byte_pair
from zoo.errors import UserError
from zoo.tokenizers import MappedSentencePieceTokenizer, Tokenizer
from zoo.tokenizers.byte_pair_files import parse_json, read_file

CONFIG_FILE = "tokenizer_config.json"


@dataclass(frozen=True)
class SequenceToSequenceTokenizers:
    """How a checkpoint reads and writes text.

    Attributes:
        source: Tokenizer of the input.
        target: Tokenizer of the answers; the same object for one vocabulary and one way of splitting.
        source_prefix_ids, source_suffix_ids: Special tokens around the source's own.
        max_source_length: Tokens of the longest source, special ones included; None if the files do not say.
    """

    source: Tokenizer
    target: Tokenizer
    source_prefix_ids: tuple
    source_suffix_ids: tuple
    max_source_length: int | None


def load_sequence_to_sequence_tokenizers(directory, family, vocabulary_size):
    """Reads the tokenizers of a directory.

    Args:
        directory: A Hugging Face directory: of Marian, source.spm, target.spm and vocab.json; of BART, tokenizer.json,
            or vocab.json and merges.txt.
        family: "marian" or "bart"; the tokenizers of other families are refused.
        vocabulary_size: Of the model. Special tokens at the end of BART's vocabulary that the model lacks are left out,
            such as the <mask> of bart-large-cnn.

    Returns:
        A `SequenceToSequenceTokenizers`.

    Raises:
        UserError: for missing or damaged files and options that cannot be followed exactly, by name.
    """
    directory = Path(directory)
    path = directory / CONFIG_FILE
    config = parse_json(read_file(path), path) if path.is_file() else {}
    if family == "marian":
        source, target = _marian(directory, config, path)
        prefix = ()
    elif family == "bart":
        source = target = _bart(directory, vocabulary_size)
        prefix = (source.bos_id,)
    else:
        raise UserError(
            f"{directory}: the tokenizer of {family} is not supported; "
            "zoo.checkpoints.load_hugging_face reads the model alone"
        )
    longest = config.get("model_max_length")
    # transformers writes 1e30 for no limit.
    longest = longest if isinstance(longest, int) and 2 < longest < 2**31 else None
    return SequenceToSequenceTokenizers(source, target, prefix, (source.eos_id,), longest)


def _marian(directory, config, path):
    name = config.get("tokenizer_class", "MarianTokenizer")
    if name != "MarianTokenizer":
        raise UserError(f"{path}: tokenizer_class {name!r} is not supported; it must be 'MarianTokenizer'")
    if config.get("sp_model_kwargs"):
        raise UserError(f"{path}: sp_model_kwargs {config['sp_model_kwargs']!r} is not supported")
    separate = bool(config.get("separate_vocabs", False))
    options = {
        f"{role}_token": _spelling(config.get(f"{role}_token", default))
        for role, default in (("unk", "<unk>"), ("eos", "</s>"), ("pad", "<pad>"))
    }
    options["clean_up_spaces"] = bool(config.get("clean_up_tokenization_spaces", False))
    vocabularies = ("vocab.json", "target_vocab.json" if separate else "vocab.json")
    return tuple(
        MappedSentencePieceTokenizer.from_files(directory / model, directory / vocabulary, **options)
        for model, vocabulary in zip(("source.spm", "target.spm"), vocabularies, strict=True)
    )


def _bart(directory, vocabulary_size):
    tokenizer, around = read_byte_pair(directory, vocabulary_size=vocabulary_size)
    for role in ("bos", "eos", "pad"):
        if getattr(tokenizer, f"{role}_id") is None:
            raise UserError(f"{directory}: the tokenizer has no {role} token")
    if around not in ("both", None):
        raise UserError(f"{directory}: a tokenizer that does not put tokens around a text is not supported")
    return tokenizer


def _spelling(token):
    """A special token as a str; files may describe it by an object."""
    return token["content"] if isinstance(token, dict) else token
