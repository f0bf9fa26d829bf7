"""Words covered with the entries of a WordPiece vocabulary, inside a graph."""

import tensorflow as tf
from tensorflow_text.python.ops.wordpiece_tokenizer import gen_wordpiece_tokenizer

from zoo.tokenizers.wordpiece.bert_words import Words
from zoo.tokenizers.wordpiece.vocabulary import CONTINUATION, WordPieceVocabulary
from zoo.tokenizers.wordpiece.word_tokens import Tokens, join_word_tokens


class WordPieceCover(tf.Module):
    """The longest entries that fit, from left to right (Wu et al., 2016); [UNK] for words that cannot be covered."""

    def __init__(self, vocabulary: WordPieceVocabulary, unk_id: int, max_word_length: int, vocabulary_size: int):
        """Creates the tables.

        Args:
            vocabulary: The vocabulary.
            unk_id: Id of [UNK].
            max_word_length: Longer words, in characters, are [UNK].
            vocabulary_size: Number of ids, those of added tokens included.
        """
        super().__init__(name="word_piece_cover")
        self._unk_id, self._unk_token = unk_id, vocabulary.tokens[unk_id]
        self._max_word_length = max_word_length
        pieces = [token.removeprefix(CONTINUATION) for token in vocabulary.tokens]
        self._longest_piece = max(map(len, pieces))
        lengths = [*map(len, pieces), *[0] * (vocabulary_size - len(pieces))]
        # Tables belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            entries = tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(vocabulary.ids), tf.string), tf.constant(list(vocabulary.ids.values()), tf.int64)
            )
            self._table = tf.lookup.StaticHashTable(entries, default_value=-1)
            self._lengths = tf.constant(lengths, tf.int32)

    def tokens(self, words: Words) -> Tokens:
        """The tokens of words: those of the vocabulary are one token; the others are covered with pieces."""
        texts = tf.raw_ops.UnicodeEncode(
            input_values=words.codes, input_splits=words.word_splits, output_encoding="UTF-8", errors="replace"
        )
        ids = self._table.lookup(texts)
        ids = tf.where(word_lengths(words) > self._max_word_length, tf.constant(self._unk_id, tf.int64), ids)
        if words.token_ids is not None:
            ids = tf.where(words.token_ids >= 0, tf.cast(words.token_ids, tf.int64), ids)
        missing = tf.where(ids < 0)
        # Each different word once, however often it occurs.
        different, which = tf.unique(tf.gather_nd(texts, missing))
        pieces, piece_splits, _, _ = gen_wordpiece_tokenizer.wordpiece_tokenize_with_offsets(
            input_values=different,
            vocab_lookup_table=self._table.resource_handle,
            suffix_indicator=CONTINUATION,
            # Four bytes are the most that a character has.
            max_bytes_per_word=4 * self._max_word_length,
            max_chars_per_token=self._longest_piece,
            use_unknown_token=True,
            unknown_token=self._unk_token,
            split_unknown_characters=False,
            output_row_partition_type="row_splits",
        )
        return join_word_tokens(ids, missing, which, self._table.lookup(pieces), piece_splits, words.row_splits)

    def token_lengths(self, words: Words, tokens: Tokens) -> tf.Tensor:
        """How many characters of `words.codes` each token covers; together they cover them all without gaps.

        Returns:
            int32 [T].
        """
        covers_word = tokens.ids == self._unk_id
        if words.token_ids is not None:
            covers_word |= tf.gather(words.token_ids, tokens.words) >= 0
        lengths = tf.gather(self._lengths, tokens.ids)
        return tf.where(covers_word, tf.gather(word_lengths(words), tokens.words), lengths)


def word_lengths(words: Words) -> tf.Tensor:
    """Number of characters of each word, int32 [W]."""
    return tf.cast(words.word_splits[1:] - words.word_splits[:-1], tf.int32)
