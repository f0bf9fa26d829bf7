"""Where in a text the pieces of a SentencePiece model come from, inside a graph."""

import tensorflow as tf

from zoo.tokenizers.sentencepiece.resource import LastingSentencepiece
from zoo.tokenizers.tokenized_text import TokenizedText

# What stands for the blank that begins a word: all that normalisation makes one of.
_BLANKS = r"^[\s\pZ\x{85}\x{180E}\x{200B}\x{2028}\x{2029}\x{2060}\x{FEFF}]+"
_LONGEST_CHARACTER = 4


def pieces_with_places(encoder: LastingSentencepiece, texts: tf.Tensor, begins_word: tf.Tensor) -> TokenizedText:
    """The pieces of texts and where they come from.

    Args:
        encoder: `LastingSentencepiece` whose pieces are ids.
        texts: string [B], valid UTF-8.
        begins_word: bool [V], whether each piece begins with the mark of a blank.

    Returns:
        The tokens. A token leaves out the blanks before it. One that has no characters of its own, because it is
        nothing but the mark or one of several that a character became, has the character that it stands before.
    """
    token_ids, starts, ends = encoder.tokenize_with_offsets(texts)
    ids, rows = token_ids.flat_values, token_ids.value_rowids()
    starts, ends = (tf.cast(places.flat_values, tf.int32) for places in (starts, ends))
    texts = tf.gather(texts, rows)
    spelled = tf.strings.substr(texts, starts, ends - starts)
    blanks = tf.strings.length(spelled) - tf.strings.length(tf.strings.regex_replace(spelled, _BLANKS, ""))
    starts += blanks
    next_bytes = tf.strings.substr(texts, starts, tf.fill(tf.shape(starts), _LONGEST_CHARACTER))
    character = tf.strings.substr(next_bytes, 0, 1, unit="UTF8_CHAR")
    ends = tf.where(starts < ends, ends, starts + tf.strings.length(character))
    first = tf.concat([[True], rows[1:] != rows[:-1]], 0)[: tf.size(ids)]
    numbers = tf.cumsum(tf.cast(tf.gather(begins_word, ids) | (blanks > 0) | first, tf.int32))
    lengths = token_ids.row_lengths()
    before = tf.repeat(tf.boolean_mask(numbers, first), tf.boolean_mask(lengths, lengths > 0))
    return TokenizedText(*map(token_ids.with_flat_values, (ids, numbers - before, starts, ends)))
