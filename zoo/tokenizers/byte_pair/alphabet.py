"""GPT-2's printable alphabet: one character for each byte, in which vocabularies and merges are spelled."""

from itertools import count


def _alphabet():
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = count(0x100)
    return tuple(chr(byte if byte in printable else next(others)) for byte in range(256))


# The character of each byte (Radford et al., 2019): printable characters of Latin-1 stand for themselves; blanks and
# control characters, in order, are U+0100 and on, so that a blank is "Ġ".
ALPHABET = _alphabet()
_BYTES = {character: byte for byte, character in enumerate(ALPHABET)}


def spelled_bytes(token: str) -> bytes:
    """The bytes that a vocabulary entry spells; KeyError for a character that stands for no byte."""
    return bytes([_BYTES[character] for character in token])
