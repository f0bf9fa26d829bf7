"""Training of WordPiece vocabularies with the `tokenizers` package, made repeatable."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from zoo.errors import UserError
from zoo.tokenizers.clean_text import replace_surrogates
from zoo.tokenizers.wordpiece.vocabulary import CONTINUATION, SPECIAL_TOKENS

# Occurrences of a word that the trainer is given in one string.
_CHUNK_WORDS = 10_000
_LEAST_CHARACTERS = 1000
_PRE_TOKENIZER = pre_tokenizers.BertPreTokenizer()


def train_wordpiece(
    texts: Iterable[str],
    vocabulary_size: int,
    *,
    lowercase: bool,
    strip_accents: bool,
    split_cjk: bool,
    max_characters: int | None,
    min_frequency: int,
    lower_to_fit: bool,
) -> list[str]:
    """Trains a vocabulary; for the arguments see `WordPieceTokenizer.train`.

    Returns:
        The entries by id: special tokens, characters, continuing characters, then joined pieces, most frequent first.

    Raises:
        UserError: for impossible options and for a vocabulary size that does not suit the corpus.
    """
    for name, value in (("max_characters", max_characters), ("min_frequency", min_frequency)):
        if value is not None and value < 1:
            raise UserError(f"{name} is {value}; use a positive number")
    if isinstance(texts, (str, bytes)):
        raise UserError("texts must be an iterable of str, such as the lines of a file, not a single text")
    normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_cjk, strip_accents=strip_accents, lowercase=lowercase
    )
    words = _count_words(texts, normalizer)
    if not words:
        raise UserError("the training text is empty; give at least one line with text in it")
    if max_characters is None:
        max_characters = _characters_that_fit(words, vocabulary_size, normalizer)
    characters = _frequent_characters(words, max_characters)
    # The trainer numbers continuing characters in the order of a hash table and breaks ties by number. Given as special
    # tokens they have their numbers beforehand.
    fixed = [*SPECIAL_TOKENS, *characters]
    fixed += [CONTINUATION + character for character in characters if _within_words(character, normalizer)]
    if vocabulary_size < len(fixed):
        raise UserError(
            f"vocabulary_size {vocabulary_size} is too small for this text's {len(characters)} characters: "
            f"use at least {len(fixed)}"
        )
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=fixed,
        continuing_subword_prefix=CONTINUATION,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_training_strings(words, set(characters)), trainer)
    ids = tokenizer.get_vocab(with_added_tokens=False)
    if len(ids) < vocabulary_size and not lower_to_fit:
        raise UserError(
            f"vocabulary_size {vocabulary_size} is too large for this text: the largest possible is {len(ids)}"
        )
    return sorted(ids, key=ids.__getitem__)


def _count_words(texts, normalizer):
    """How often each word occurs."""
    words = Counter()
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"training text {index + 1} is {type(text).__name__}, not str")
        normal = normalizer.normalize_str(replace_surrogates(text))
        words.update(word for word, _ in _PRE_TOKENIZER.pre_tokenize_str(normal))
    return words


def _by_frequency(words):
    """The characters, most frequent first."""
    counts = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    return sorted(counts, key=lambda character: (-counts[character], character))


def _frequent_characters(words, limit):
    """The most frequent characters, in the order of their code points."""
    return sorted(_by_frequency(words)[:limit])


def _characters_that_fit(words, vocabulary_size, normalizer):
    """How many of the most frequent characters get an entry where nobody says it.

    1,000, which is all of an alphabet. Of Chinese, whose words of one character are most of the vocabulary, as many as
    take up three quarters of the entries.
    """
    entries = len(SPECIAL_TOKENS)
    for number, character in enumerate(_by_frequency(words)):
        entries += 1 + _within_words(character, normalizer)
        if number >= _LEAST_CHARACTERS and entries > 3 * vocabulary_size // 4:
            return number
    return max(_LEAST_CHARACTERS, number + 1)


def _within_words(character, normalizer):
    """Whether the character can be other than a word's first."""
    return len(_PRE_TOKENIZER.pre_tokenize_str(normalizer.normalize_str(f"a{character}a"))) == 1


def _training_strings(words, characters):
    """The words as often as they occur, but for those with other characters, which would only be [UNK]."""
    for word, count in sorted(words.items()):
        if characters.issuperset(word):
            for start in range(0, count, _CHUNK_WORDS):
                yield " ".join([word] * min(_CHUNK_WORDS, count - start))
