"""Unicode's normal form C, inside a graph."""

import tensorflow as tf
import tensorflow_text as tf_text

from zoo.tokenizers.character_ranges import class_content

# A byte that no UTF-8 text holds, so that regular expressions do not match it.
_BOUNDARY = b"\xff"
# Marks and letters that the `tokenizers` package (0.23), whose tables are of Unicode 10 or earlier, leaves where they
# are, while TensorFlow Text reorders or composes them. Read off by asking both about every code point.
_LEFT_ALONE = """
    7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1ace 1df6-1dfa a82c 105c9 105d2 105da 105e4 10d24-10d27
    10d69-10d6d 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 11382-11385 1138b 1138e 11390-11391
    113b8 113bb 113c2 113c5 113c7-113c9 113ce-113d0 1145e 11839-1183a 11930 11935 11938 1193d-1193e 11943 119e0
    11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 1611e-16129 1612f 16d63 16d67-16d6a 16ff0-16ff1 1e08f
    1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef
"""
_LEFT_ALONE_CHARACTER = f"[{class_content(_LEFT_ALONE)}]"


def compose(texts) -> tf.Tensor:
    """Normal form C as the `tokenizers` package has it: letters joined with their accents, and accents in order.

    Characters that the package does not know are neither moved nor joined, and nothing moves past them or is joined
    with them; so what stands between two of them is normalised as a text of its own.

    Args:
        texts: string [P], valid UTF-8.

    Returns:
        string [P].
    """
    marked = tf.strings.regex_replace(texts, _LEFT_ALONE_CHARACTER, _BOUNDARY + rb"\0" + _BOUNDARY)
    found = tf.reduce_any(tf.strings.length(marked) != tf.strings.length(texts))

    def in_parts():
        split = tf.raw_ops.StringSplit(input=marked, delimiter=_BOUNDARY, skip_empty=True)
        parts = tf_text.normalize_utf8(split.values, "NFC")
        return tf.strings.unsorted_segment_join(parts, split.indices[:, 0], tf.size(texts))

    return tf.cond(found, in_parts, lambda: tf_text.normalize_utf8(texts, "NFC"))
