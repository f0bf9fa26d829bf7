"""A reversible escape for the characters that SentencePiece cannot carry through encode and decode.

SentencePiece writes U+2581 for a blank (so a real U+2581 would come back as a blank), cannot hold NUL in its tables,
and its trainer reserves tab and U+2585 for itself and treats line breaks as the end of a sentence. Each of them becomes
U+241B ("symbol for escape") followed by a letter, and so does U+241B itself. The pairs are user-defined symbols of the
models that use the escape: each is one token whatever the corpus, and a model that has them all is known to be escaped.
"""

import re

ESCAPE_CHARACTER = "\u241b"

# The escape character comes first: escaping goes down this list and unescaping up it, so that neither touches what the
# other steps have written.
ESCAPES = (
    (ESCAPE_CHARACTER, ESCAPE_CHARACTER + "e"),
    ("\u2581", ESCAPE_CHARACTER + "u"),
    ("\u2585", ESCAPE_CHARACTER + "x"),
    ("\x00", ESCAPE_CHARACTER + "z"),
    ("\t", ESCAPE_CHARACTER + "t"),
    ("\n", ESCAPE_CHARACTER + "n"),
    ("\r", ESCAPE_CHARACTER + "r"),
)
ESCAPE_SYMBOLS = tuple(escaped for _, escaped in ESCAPES)

_TRANSLATION = str.maketrans(dict(ESCAPES))


def escape_text(text: str) -> str:
    """Escapes one str, for training and for looking up tokens.

    Args:
        text: Any str without lone surrogates.

    Returns:
        The text with no U+2581, U+2585, NUL, tab or line break in it.
    """
    return text.translate(_TRANSLATION)


def escape_graph(texts):
    """Escapes a batch inside a TensorFlow graph: `escape_text` for tensors.

    Args:
        texts: string tensor of shape [B], valid UTF-8.

    Returns:
        string tensor of shape [B].
    """
    import tensorflow as tf

    for character, escaped in ESCAPES:
        texts = tf.strings.regex_replace(texts, _pattern(character), escaped)
    return texts


def unescape_graph(texts):
    """The inverse of `escape_graph`. An escape character that begins no known pair stays as it is.

    Args:
        texts: string tensor of shape [B], valid UTF-8.

    Returns:
        string tensor of shape [B].
    """
    import tensorflow as tf

    for character, escaped in reversed(ESCAPES):
        texts = tf.strings.regex_replace(texts, _pattern(escaped), character)
    return texts


def _pattern(text):
    """`text` as a literal for RE2, which takes NUL only as an escape sequence."""
    return re.escape(text).replace("\x00", r"\x00")
