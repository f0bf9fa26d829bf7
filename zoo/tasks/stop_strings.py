"""Strings that end a generated text: looked for while tokens come, and cut off from the text."""

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UserError

# Of the longest stop string; each step looks at as many tokens.
_MOST_BYTES = 64


class StopStrings:
    """Stop strings of a text generator.

    Args:
        strings: tuple of str, at most 64 bytes each.
        token_bytes: The bytes of each id of the vocabulary, `BytePairTokenizer.token_bytes`; special tokens have none.

    Raises:
        UserError: for an empty or too long string.
    """

    def __init__(self, strings, token_bytes):
        for string in strings:
            if not isinstance(string, str) or not string:
                raise UserError(f"stop: {string!r} is not a text; give strings such as '\\n\\n'")
            if len(string.encode()) > _MOST_BYTES:
                raise UserError(f"stop: {string[:20]!r}... has more than {_MOST_BYTES} bytes")
        self._strings = tuple(string.encode() for string in strings)
        self._token_bytes = token_bytes
        # A token is a byte at least, so a string that the last token completes lies within this many.
        self._reach = max(map(len, self._strings), default=0)
        self._pattern = b"|".join(_escaped(string) for string in self._strings).decode("utf-8")

    def __bool__(self):
        return bool(self._strings)

    def cut(self, text):
        """Texts, string [B], up to the first stop string in them."""
        if not self:
            return text
        return tf.strings.regex_replace(text, rf"(?:{self._pattern})(?s:.*)", "", replace_global=False)

    def hook(self):
        """What `zoo.generation` calls after each step: whether sequences hold a stop string, bool [N]; None for none.

        Called with the sequences int32 [N, L] and how many tokens of each are chosen, int32 scalar.
        """
        if not self:
            return None
        backend = keras.config.backend()
        if backend == "tensorflow":
            return self._in_graph
        return self._in_jax if backend == "jax" else self._in_torch

    def _in_graph(self, token_ids, index):
        recent = token_ids[:, tf.maximum(index - self._reach, 0) : index]
        text = tf.strings.reduce_join(tf.gather(tf.constant(self._token_bytes, tf.string), recent), axis=1)
        without = tf.strings.regex_replace(text, self._pattern, "", replace_global=False)
        return tf.strings.length(without) < tf.strings.length(text)

    def _on_host(self, token_ids, index):
        recent = np.asarray(token_ids)[:, max(int(index) - self._reach, 0) : int(index)]
        texts = [b"".join(self._token_bytes[token] for token in row) for row in recent.tolist()]
        return np.array([any(string in text for string in self._strings) for text in texts])

    def _in_jax(self, token_ids, index):
        import jax

        return jax.pure_callback(self._on_host, jax.ShapeDtypeStruct(token_ids.shape[:1], bool), token_ids, index)

    def _in_torch(self, token_ids, index):
        return keras.ops.convert_to_tensor(self._on_host(keras.ops.convert_to_numpy(token_ids), index))


def _escaped(string):
    """A string as a regular expression of RE2, in which bytes beyond ASCII stand for themselves."""
    return b"".join(rb"\x%02x" % byte if byte < 128 else bytes([byte]) for byte in string)
