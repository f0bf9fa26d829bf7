"""Sizes of trained vocabularies where none was asked for: what suits the amount of text."""

from collections import Counter

MOST_TOKENS = 8000
"""Tokens of a vocabulary where there is text enough."""

# Of SentencePiece: special tokens, bytes and escape symbols, and a little more.
_FIXED = 300
# Characters of text for each token, so that a token is seen some twenty times.
_CHARACTERS_PER_TOKEN = 100


def size_by_text(texts):
    """Tokens of a SentencePiece vocabulary for an iterable of texts: each character, and as many joined ones as suit.

    Such a vocabulary could be larger, up to whole sentences as tokens, which are then seen once each.
    """
    characters = Counter()
    for text in texts:
        characters.update(text)
    joined = characters.total() // _CHARACTERS_PER_TOKEN
    return max(_FIXED + len(characters), min(MOST_TOKENS, _FIXED + len(characters) + joined))


def vocabulary_line(tokenizer):
    """Yields that a trained vocabulary is smaller than it would be for more text, if it is."""
    if tokenizer.vocabulary_size < MOST_TOKENS:
        yield f"vocabulary: {tokenizer.vocabulary_size:,} tokens, which suit the amount of text, not {MOST_TOKENS:,}"
