"""Training of SentencePiece models: options checked, text escaped, the package's errors put into one line."""

import io
import random
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import sentencepiece

from zoo.errors import UserError
from zoo.tokenizers.clean_text import replace_surrogates
from zoo.tokenizers.sentencepiece.reversible_escape import ESCAPE_CHARACTER, ESCAPE_SYMBOLS, escape_text

SPECIAL_TOKENS = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}

# Part of the result: partial sums of the trainer's threads are added up in this many groups, whatever the machine.
_NUM_THREADS = 4
_SEED = 20240229
# The trainer drops lines over 4192 bytes, which 500 characters, escaped, cannot reach.
_CHUNK_CHARACTERS = 500
# What the trainer itself cannot take: NUL, its own marks for unknown and for boundaries, and line ends.
_RESERVED = re.compile("[\x00\t\r\n\u2585]")
_BLANK = "\u2581"
# Those that keep blanks and line ends, so that text passes through the reversible escape.
_EXACT = ("identity", "lowercase")


class _TooLargeError(Exception):
    """The text has fewer pieces than were asked for."""

    def __init__(self, largest):
        super().__init__(largest)
        self.largest = largest


class _TooSmallError(Exception):
    """The text has more characters than pieces were asked for."""

    def __init__(self, least):
        super().__init__(least)
        self.least = least


def _too_small(vocabulary_size, least):
    return UserError(f"vocabulary_size {vocabulary_size} is too small for this text: use at least {least}")


def train_sentencepiece(
    texts: Iterable[str],
    vocabulary_size: int,
    model_type: str,
    *,
    character_coverage: float,
    byte_fallback: bool,
    normalization: str,
    user_defined_symbols: tuple[str, ...],
    split_digits: bool,
    max_training_lines: int,
    lower_to_fit: bool,
) -> bytes:
    """Trains a model; for the arguments see `SentencePieceTokenizer.train`.

    Returns:
        The serialised model. The same for the same texts and options.

    Raises:
        UserError: for impossible options and for a vocabulary size that does not suit the corpus.
    """
    _check_options(model_type, character_coverage, normalization, max_training_lines)
    if isinstance(texts, (str, bytes)):
        raise UserError("texts must be an iterable of str, such as the lines of a file, not a single text")
    lossless = normalization in _EXACT
    _check_symbols(user_defined_symbols)
    symbols = (*ESCAPE_SYMBOLS, *user_defined_symbols) if lossless else user_defined_symbols
    reserved = len(SPECIAL_TOKENS) + len(symbols) + (256 if byte_fallback else 0)
    lines = _sample(texts, max_training_lines)

    def model_of(size):
        model = io.BytesIO()
        try:
            _train(
                normalization,
                sentence_iterator=_training_lines(lines, lossless),
                model_writer=model,
                vocab_size=size,
                model_type=model_type,
                character_coverage=character_coverage,
                byte_fallback=byte_fallback,
                remove_extra_whitespaces=not lossless,
                allow_whitespace_only_pieces=lossless,
                user_defined_symbols=list(symbols),
                split_digits=split_digits,
                num_threads=_NUM_THREADS,
                minloglevel=2,
                pad_piece="<pad>",
                **SPECIAL_TOKENS,
            )
        except RuntimeError as error:
            raise _explained(str(error)) from None
        return model.getvalue()

    # Whatever size a message names has been tried: the trainer itself says which would do.
    size, model = max(vocabulary_size, reserved + 1), None
    while model is None:
        try:
            model = model_of(size)
        except _TooLargeError as error:
            size = error.largest
        except _TooSmallError as error:
            if size < vocabulary_size:
                raise UserError("the training text is too short for a vocabulary; give more of it") from None
            raise _too_small(vocabulary_size, error.least) from None
    if size > vocabulary_size:
        raise _too_small(vocabulary_size, size)
    if size < vocabulary_size and not lower_to_fit:
        raise UserError(f"vocabulary_size {vocabulary_size} is too large for this text: the largest possible is {size}")
    return model


def _train(normalization, **options):
    """Runs the package's trainer, which reads rules of its own making by name and others from a file."""
    if normalization != "lowercase":
        sentencepiece.SentencePieceTrainer.train(normalization_rule_name=normalization, **options)
        return
    with tempfile.TemporaryDirectory() as directory:
        rules = Path(directory) / "lowercase.tsv"
        rules.write_text("".join(_lowercase_rules()), encoding="ascii")
        sentencepiece.SentencePieceTrainer.train(normalization_rule_tsv=str(rules), **options)


def _lowercase_rules():
    """Lines of hexadecimal code points, those of a letter and, after a tab, those it becomes."""
    for code in range(sys.maxunicode + 1):
        lower = chr(code).lower()
        if lower != chr(code):
            yield f"{code:X}\t{' '.join(f'{ord(character):X}' for character in lower)}\n"


def _sample(texts, size):
    """A uniform sample of the texts, or all of them (reservoir sampling; the trainer's own is not repeatable)."""
    generator = random.Random(_SEED)
    kept = []
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"training text {index + 1} is {type(text).__name__}, not str")
        if index < size:
            kept.append(text)
        elif (slot := generator.randrange(index + 1)) < size:
            kept[slot] = text
    return kept


def _training_lines(texts, lossless):
    for text in texts:
        text = replace_surrogates(text.rstrip("\r\n"))
        for start in range(0, len(text), _CHUNK_CHARACTERS):
            chunk = text[start : start + _CHUNK_CHARACTERS]
            yield escape_text(chunk) if lossless else _RESERVED.sub(" ", chunk)


def _check_options(model_type, character_coverage, normalization, max_training_lines):
    if model_type not in ("unigram", "bpe"):
        raise UserError(f"model_type is {model_type!r}; use 'unigram' or 'bpe'")
    if normalization not in (*_EXACT, "nfkc", "nmt_nfkc"):
        raise UserError(f"normalization is {normalization!r}; use 'identity', 'lowercase', 'nfkc' or 'nmt_nfkc'")
    if not 0 < character_coverage <= 1:
        raise UserError(
            f"character_coverage is {character_coverage}; use a share above 0 and at most 1, such as 0.9995"
        )
    if max_training_lines < 1:
        raise UserError(f"max_training_lines is {max_training_lines}; use a positive number such as 2000000")


def _check_symbols(symbols):
    for symbol in symbols:
        if not symbol or any(c.isspace() or not c.isprintable() or c in (_BLANK, ESCAPE_CHARACTER) for c in symbol):
            raise UserError(f"user-defined symbol {symbol!r} is empty or holds a blank or control character")
        if symbol in ("<pad>", "<s>", "</s>", "<unk>") or re.fullmatch("<0x[0-9A-F]{2}>", symbol):
            raise UserError(f"user-defined symbol {symbol!r} is already a special token; choose another spelling")
    if len(set(symbols)) != len(symbols):
        raise UserError("user-defined symbols hold the same symbol twice")


def _explained(message):
    """The trainer's message as an exception: its three frequent ones by name, any other as it is."""
    if "sentences_.empty()" in message or "Input corpus is empty" in message:
        return UserError("the training text is empty; give at least one line with text in it")
    largest = re.search(r"Vocabulary size too high.*?<= (\d+)", message)
    if largest:
        return _TooLargeError(int(largest[1]))
    least = re.search(r"Vocabulary size is smaller than required_chars\. \d+ vs (\d+)", message)
    if least:
        return _TooSmallError(int(least[1]))
    return UserError(f"SentencePiece training failed: {message}")
