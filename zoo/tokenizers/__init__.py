"""Tokenizers that run inside a TensorFlow graph, trained from your own text or loaded from a directory."""

from pathlib import Path

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_fallback.byte_fallback_tokenizer import ByteFallbackTokenizer
from zoo.tokenizers.byte_pair.byte_pair_tokenizer import BytePairTokenizer
from zoo.tokenizers.clean_text import clean_text
from zoo.tokenizers.offsets import character_offsets
from zoo.tokenizers.sentencepiece.mapped_sentencepiece_tokenizer import MappedSentencePieceTokenizer
from zoo.tokenizers.sentencepiece.sentencepiece_tokenizer import SentencePieceTokenizer
from zoo.tokenizers.tokenized_text import TokenizedText
from zoo.tokenizers.tokenizer import CONFIG_FILE, Tokenizer, read_config
from zoo.tokenizers.wordpiece.wordpiece_tokenizer import WordPieceTokenizer

__all__ = [
    "AddedToken",
    "ByteFallbackTokenizer",
    "BytePairTokenizer",
    "MappedSentencePieceTokenizer",
    "SentencePieceTokenizer",
    "TokenizedText",
    "Tokenizer",
    "WordPieceTokenizer",
    "character_offsets",
    "clean_text",
    "load",
]

# A new tokenizer class is added here; its name is what tokenizer.json calls it.
_CLASSES = {
    cls.__name__: cls
    for cls in (
        ByteFallbackTokenizer,
        BytePairTokenizer,
        MappedSentencePieceTokenizer,
        SentencePieceTokenizer,
        WordPieceTokenizer,
    )
}


def load(directory: str | Path) -> Tokenizer:
    """Loads a tokenizer of any class from a directory that `Tokenizer.save` wrote.

    Args:
        directory: A directory with tokenizer.json in it.

    Raises:
        UserError: for a missing, damaged or foreign file, naming it.
    """
    directory = Path(directory)
    name = read_config(directory)["class"]
    if name not in _CLASSES:
        known = ", ".join(sorted(_CLASSES))
        raise UserError(f"{directory / CONFIG_FILE} names an unknown tokenizer class {name!r}; known: {known}")
    return _CLASSES[name].load(directory)
