"""Training of byte-level BPE vocabularies with the `tokenizers` package."""

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from zoo.errors import UserError
from zoo.tokenizers.byte_pair.alphabet import ALPHABET
from zoo.tokenizers.byte_pair.pre_tokenizers import DEFAULT, DIGITS, REGULAR_EXPRESSIONS, checked_steps
from zoo.tokenizers.clean_text import replace_surrogates


def train_byte_pair(
    texts: Iterable[str],
    vocabulary_size: int,
    special_tokens: tuple[str, ...],
    *,
    min_frequency: int,
    add_prefix_space: bool,
    lower_to_fit: bool,
    pre_tokenizer: Iterable[str] = DEFAULT,
    normalization: str | None = None,
) -> tuple[list[str], list[tuple[str, str]]]:
    """Trains a vocabulary; for the arguments see `BytePairTokenizer.train`.

    The package counts pairs of byte symbols and joins the most frequent, of several the one whose parts have the lowest
    ids. Numbers of special tokens and bytes are fixed beforehand, so nothing depends on the order of a hash table.

    Returns:
        The entries by id (special tokens, bytes in the order of their characters, joined entries, most frequent first),
        and the merges by rank.

    Raises:
        UserError: for impossible options and for a vocabulary size that does not suit the corpus.
    """
    if min_frequency < 1:
        raise UserError(f"min_frequency is {min_frequency}; use a positive number")
    if isinstance(texts, (str, bytes)):
        raise UserError("texts must be an iterable of str, such as the lines of a file, not a single text")
    fixed = [*special_tokens, *sorted(ALPHABET)]
    for index, token in enumerate(fixed):
        if not isinstance(token, str) or not token:
            raise UserError(f"special token {token!r} is not a string with text in it")
        if token in fixed[:index]:
            raise UserError(f"special token {token!r} is given twice, or is the character of a byte")
    if vocabulary_size < len(fixed):
        raise UserError(
            f"vocabulary_size {vocabulary_size} is too small: 256 bytes and the special tokens alone are "
            f"{len(fixed)}; use at least that"
        )
    if vocabulary_size == len(fixed):
        return fixed, []
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC() if normalization else None
    tokenizer.pre_tokenizer = _splitter(checked_steps(pre_tokenizer), add_prefix_space)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=list(special_tokens),
        initial_alphabet=list(ALPHABET),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_checked(texts), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    if len(model["vocab"]) < vocabulary_size and not lower_to_fit:
        raise UserError(
            f"vocabulary_size {vocabulary_size} is too large for this text: the largest possible is "
            f"{len(model['vocab'])}"
        )
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    merges = [(left, right) for left, right in pairs]
    return sorted(model["vocab"], key=model["vocab"].get), merges


def _splitter(steps, add_prefix_space):
    """The package's pre-tokeniser of the steps."""
    if steps == DEFAULT:
        return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    splitters = [
        pre_tokenizers.Digits(individual_digits=DIGITS[step])
        if step in DIGITS
        else pre_tokenizers.Split(Regex(REGULAR_EXPRESSIONS[step]), "isolated")
        for step in steps
    ]
    return pre_tokenizers.Sequence([*splitters, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _checked(texts):
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"training text {index + 1} is {type(text).__name__}, not str")
        yield replace_surrogates(text)
