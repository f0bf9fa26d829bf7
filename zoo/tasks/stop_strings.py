"""Strings that end a generated text: looked for while tokens come, and cut off from the text; each row has its own."""

import itertools
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.text_control import SEPARATOR

MOST_BYTES = 1024
"""Of a row's stop strings, joined."""
# Of a stop string in Python; each step looks at as many tokens as the longest has bytes.
_MOST_BYTES_OF_ONE = 64
# Those that stand for themselves in a regular expression, and the two that need more than a backslash.
_PLAIN = r"0-9A-Za-z_\x{80}-\x{10FFFF}"
_UNLIKE_OTHERS = r"\x00\x1e"


def joined_stop_strings(strings):
    """Stop strings as the one string that `StopStrings` reads.

    Args:
        strings: list or tuple of str, at most 64 bytes each.

    Raises:
        UserError: for what is no list of texts, an empty or too long string, or one with `SEPARATOR` in it.
    """
    if not isinstance(strings, (list, tuple)):
        raise UserError(f"stop must be a list of strings, got {strings!r}")
    for string in strings:
        if not isinstance(string, str) or not string:
            raise UserError(f"stop: {string!r} is not a text; give strings such as '\\n\\n'")
        if len(string.encode()) > _MOST_BYTES_OF_ONE:
            raise UserError(f"stop: {string[:20]!r}... has more than {_MOST_BYTES_OF_ONE} bytes")
        if SEPARATOR in string:
            raise UserError(f"stop: {string!r} holds {SEPARATOR!r}, which separates stop strings from each other")
    joined = SEPARATOR.join(strings)
    if len(joined.encode()) > MOST_BYTES:
        raise UserError(f"stop: the strings have more than {MOST_BYTES} bytes together")
    return joined


class StopStrings:
    """The stop strings of each row of a batch.

    Args:
        rows: string tensor [N], the stop strings of each row with `SEPARATOR` between them; empty ones do not count, so
            that a row of nothing but separators has none.
        token_bytes: The bytes of each id of the vocabulary, `BytePairTokenizer.token_bytes`; special tokens have none.
        before: string tensor [N], the bytes that earlier calls have generated, which a stop string may begin in; None
            for none.
    """

    def __init__(self, rows, token_bytes, before=None):
        rows = tf.strings.unicode_transcode(rows, "UTF-8", "UTF-8", errors="replace")
        rows = tf.strings.regex_replace(rows, rf"{SEPARATOR}+", SEPARATOR)
        self._rows = tf.strings.regex_replace(rows, rf"^{SEPARATOR}|{SEPARATOR}$", "")
        self._token_bytes = token_bytes
        strings = tf.strings.split(self._rows, SEPARATOR).flat_values
        # A token is a byte at least, so a string that the last token completes lies within this many.
        self._reach = tf.reduce_max(tf.concat([[0], tf.strings.length(strings)], axis=0))
        self._before = tf.zeros_like(self._rows) if before is None else before
        # Rows of one batch have few different ones.
        self._patterns, self._pattern_of_row = tf.unique(_pattern(self._rows))

    def cut(self, texts):
        """Texts, string [N], up to the first stop string of their row in them."""

        def cut_those_of(index, found):
            pattern = self._patterns[index]
            cut = tf.strings.regex_replace(
                texts, tf.strings.join(["(?:", pattern, ")(?s:.*)"]), "", replace_global=False
            )
            own = tf.logical_and(self._pattern_of_row == index, pattern != "")
            return index + 1, tf.ensure_shape(tf.where(own, cut, found), texts.shape)

        count = tf.size(self._patterns)
        _, found = tf.while_loop(lambda index, _: index < count, cut_those_of, (tf.constant(0), texts))
        return found

    def in_backend(self):
        """What the Keras backend in use can work with: an object with `hook()`, which compiled functions can be given
        as a static argument on JAX."""
        if keras.config.backend() == "tensorflow":
            return self
        rows = tuple(
            tuple(string for string in row.split(SEPARATOR.encode()) if string) for row in self._rows.numpy().tolist()
        )
        before = tuple(self._before.numpy().tolist()) if any(rows) else ()
        return StopStringsOnHost(rows if any(rows) else (), self._token_bytes, before)

    def may_begin(self):
        """How many bytes at the end of each row's text may be the beginning of a stop string, int32 [N]."""
        lengths = tf.strings.length(tf.strings.split(self._rows, SEPARATOR))
        return tf.maximum(tf.cast(tf.reduce_max(lengths, axis=1), tf.int32) - 1, 0)

    def hook(self):
        """What `zoo.generation` calls after each step: whether sequences hold a stop string of theirs, bool [N].

        Called with the sequences int32 [N, L] and how many tokens of each are chosen, int32 scalar.
        """
        return self._found

    def _found(self, token_ids, index):
        def look():
            first = tf.maximum(index - self._reach, 0)
            recent = token_ids[:, first:index]
            texts = tf.strings.reduce_join(tf.gather(tf.constant(self._token_bytes, tf.string), recent), axis=1)
            cut = tf.maximum(tf.strings.length(self._before) - self._reach, 0)
            before = tf.strings.substr(self._before, cut, tf.fill(tf.shape(cut), self._reach))
            texts = tf.strings.join([tf.where(first == 0, before, ""), texts])
            return tf.strings.length(self.cut(texts)) < tf.strings.length(texts)

        return tf.cond(self._reach > 0, look, lambda: tf.fill([tf.shape(token_ids)[0]], False))


@dataclass(frozen=True)
class StopStringsOnHost:
    """The stop strings of each row, looked for by Python.

    Attributes:
        rows: The stop strings of each row as bytes, a tuple of tuples; () if no row has any. Rows that a batch has
            beyond these have none.
        token_bytes: As of `StopStrings`.
        before: What earlier calls have generated, bytes of each row; () for nothing.
    """

    rows: tuple
    token_bytes: tuple = field(compare=False, repr=False)
    before: tuple = ()

    def hook(self):
        """See `StopStrings.hook`; None if no row has stop strings."""
        if not self.rows:
            return None
        return self._in_jax if keras.config.backend() == "jax" else self._in_torch

    def found(self, token_ids, index):
        """Whether sequences, a numpy array [N, L], hold a stop string among the last tokens; a numpy array [N]."""
        reach = max(len(string) for strings in self.rows for string in strings)
        first = max(int(index) - reach, 0)
        recent = np.asarray(token_ids)[:, first : int(index)]
        texts = [b"".join(self.token_bytes[token] for token in row) for row in recent.tolist()]
        if first == 0:
            texts = [b"".join(parts) for parts in itertools.zip_longest(self.before, texts, fillvalue=b"")]
        found = np.zeros(len(texts), bool)
        for row, (strings, text) in enumerate(zip(self.rows, texts, strict=False)):
            found[row] = any(string in text for string in strings)
        return found

    def _in_jax(self, token_ids, index):
        import jax

        return jax.pure_callback(self.found, jax.ShapeDtypeStruct(token_ids.shape[:1], bool), token_ids, index)

    def _in_torch(self, token_ids, index):
        return keras.ops.convert_to_tensor(self.found(keras.ops.convert_to_numpy(token_ids), index))


def _pattern(rows):
    """Joined strings as regular expressions of RE2 that match any of them."""
    escaped = tf.strings.regex_replace(rows, rf"([^{_PLAIN}{_UNLIKE_OTHERS}])", r"\\\1")
    escaped = tf.strings.regex_replace(escaped, r"\x00", r"\\x00")
    return tf.strings.regex_replace(escaped, SEPARATOR, "|")
