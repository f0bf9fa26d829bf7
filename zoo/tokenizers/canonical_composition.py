"""Unicode's normal form C, inside a graph."""

from typing import NamedTuple

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
# Nothing is moved past these, nor joined with what is before them: neither marks nor later parts of Korean syllables.
_BEGINNING = rf"{_LEFT_ALONE_CHARACTER}|[^\pM\x{{1160}}-\x{{11FF}}\x{{D7B0}}-\x{{D7FF}}]"


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


class ComposedTexts(NamedTuple):
    """Texts in normal form C and where they come from. S is the number of pieces that texts consist of.

    Attributes:
        texts: string [B].
        rows: int64 [B + 1], where in the pieces each text begins; the last is S.
        ends: int32 [S], where each piece ends, in bytes of `texts` counted through all of them.
        source_ends: int32 [S], where it ends in the texts before.
        same: bool [S], whether it was like that before.
    """

    texts: tf.Tensor
    rows: tf.Tensor
    ends: tf.Tensor
    source_ends: tf.Tensor
    same: tf.Tensor

    def source_places(self, starts: tf.RaggedTensor, ends: tf.RaggedTensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Where in the texts before composing spans of the composed texts are from.

        Args:
            starts, ends: int32 ragged [B, None], in bytes of each text.

        Returns:
            The same for the texts before. A span that begins or ends inside what was composed has all of it.
        """
        row = starts.value_rowids()
        before, source_before = (_at(values, self.rows) for values in (self.ends, self.source_ends))
        first, source_first = tf.gather(before, row), tf.gather(source_before, row)
        starts_of_pieces, source_starts = (
            tf.concat([[0], values], 0)[: tf.size(values)] for values in (self.ends, self.source_ends)
        )

        def source(places, side, changed):
            places = places.flat_values + first
            piece = tf.minimum(tf.searchsorted(self.ends, places, side), tf.maximum(tf.size(self.ends) - 1, 0))
            within = tf.gather(source_starts, piece) + places - tf.gather(starts_of_pieces, piece)
            return tf.where(tf.gather(self.same, piece), within, tf.gather(changed, piece)) - source_first

        return (
            starts.with_flat_values(source(starts, "right", source_starts)),
            ends.with_flat_values(source(ends, "left", self.source_ends)),
        )


def compose_with_places(texts: tf.Tensor, kept: str = "") -> ComposedTexts:
    """`compose`, and what says where in the texts the composed ones come from.

    Args:
        texts: string [B], valid UTF-8.
        kept: Regular expression of strings that stay as they are, with which nothing behind them is joined.
    """

    def in_pieces():
        marked = tf.strings.regex_replace(texts, kept, rb"\0" + _BOUNDARY) if kept else texts
        marked = tf.strings.regex_replace(marked, _BEGINNING, _BOUNDARY + rb"\0")
        split = tf.raw_ops.StringSplit(input=marked, delimiter=_BOUNDARY, skip_empty=True)
        composed, row = compose(split.values), split.indices[:, 0]
        rows = tf.searchsorted(row, tf.range(tf.size(texts, tf.int64) + 1), out_type=tf.int64)
        joined = tf.strings.unsorted_segment_join(composed, row, tf.size(texts))
        ends, source_ends = (tf.cumsum(tf.strings.length(each)) for each in (composed, split.values))
        return ComposedTexts(joined, rows, ends, source_ends, composed == split.values)

    def whole():
        ends = tf.cumsum(tf.strings.length(texts))
        return ComposedTexts(texts, tf.range(tf.size(texts, tf.int64) + 1), ends, ends, tf.ones_like(texts, tf.bool))

    return ComposedTexts(*tf.cond(tf.reduce_any(compose(texts) != texts), in_pieces, whole))


def _at(ends, rows):
    """How far the pieces before each of those numbers go."""
    return tf.gather(tf.concat([[0], ends], 0), rows)
