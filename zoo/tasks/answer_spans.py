"""From logits of beginnings and ends to answers: probable spans of tokens, their words, and which words are best."""

import math
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.tokenizers.offsets import whole_characters

_LOWEST = -1e9


class Spans(NamedTuple):
    """Spans of tokens, K for each of N windows.

    Attributes:
        starts, ends: int32 [N, K], the first token and the last, counted within the window.
        scores: float32 [N, K].
        real: bool [N, K], whether both tokens are in the window.
    """

    starts: tf.Tensor
    ends: tf.Tensor
    scores: tf.Tensor
    real: tf.Tensor


class LocatedSpans(NamedTuple):
    """Spans of words, C in all.

    Attributes:
        rows: int32 [C], ascending, the text each is from.
        scores: float32 [C].
        texts: string [C].
        characters, bytes: int32 [C, 2], first and last + 1.
    """

    rows: tf.Tensor
    scores: tf.Tensor
    texts: tf.Tensor
    characters: tf.Tensor
    bytes: tf.Tensor


def probable_spans(logits: Any, first_places: Any, lengths: Any, longest: int, count: int) -> tuple[Spans, Any]:
    """The most probable spans of each window, and how probable it is that there is none.

    A token begins or ends an answer with a probability among the tokens of the window and the first position, which
    stands for no answer.

    Args:
        logits: float32 [N, 2, S] of beginnings and of ends.
        first_places: int32 [N], position of the window's first token.
        lengths: int32 [N], its tokens.
        longest: int, tokens of the longest span.
        count: int, K at most.

    Returns:
        `Spans`, the most probable first, and float32 [N].
    """
    width = tf.shape(logits)[2]
    places = tf.range(width)[tf.newaxis]
    tokens = places - first_places[:, tf.newaxis]
    inside = (tokens >= 0) & (tokens < lengths[:, tf.newaxis])
    allowed = inside | (places == 0)
    probabilities = tf.nn.softmax(tf.where(allowed[:, tf.newaxis], logits, _LOWEST))
    nothing = tf.reduce_prod(probabilities[:, :, 0], axis=1)
    start, end = tf.unstack(tf.where(inside[:, tf.newaxis], probabilities, 0.0), num=2, axis=1)
    # The ends that each beginning may have: its own position and those after it.
    ends = tf.gather(
        tf.pad(end, [[0, 0], [0, longest - 1]]), tf.range(width)[:, tf.newaxis] + tf.range(longest), axis=1
    )
    products = tf.reshape(start[:, :, tf.newaxis] * ends, [-1, width * longest])
    scores, found = tf.math.top_k(products, k=tf.minimum(count, width * longest))
    starts = found // longest - first_places[:, tf.newaxis]
    ends = starts + found % longest
    return Spans(starts, ends, scores, (starts >= 0) & (ends < lengths[:, tf.newaxis])), nothing


class AnswerSpans:
    """Finds the words of spans in the texts that they are from.

    Args:
        texts: string [B], valid UTF-8.
        tokens: `TokenizedText` of them.
        windows: `TokenSpans` of N windows.
        trim_blanks: Whether blanks at the ends of tokens are no part of an answer.
        whole_words: Whether spans begin and end where words do, as far as these are in the window.
    """

    def __init__(self, texts: Any, tokens: Any, windows: Any, trim_blanks: bool, whole_words: bool):
        self._texts, self._windows = texts, windows
        self._starts, self._ends = tokens.starts.flat_values, tokens.ends.flat_values
        self._trims, self._bounds = trim_blanks, None
        if whole_words:
            self._bounds = _words(tokens.word_ids)

    def located(self, spans: Spans, rows: Any) -> LocatedSpans:
        """The words of those spans that are real.

        Args:
            spans: `Spans`.
            rows: int32 [N], ascending, the text each window is from.

        Returns:
            `LocatedSpans`, in the order of the windows and of the spans in each.
        """
        place = tf.where(spans.real)
        window = tf.cast(place[:, 0], tf.int32)
        first, last = (tf.gather_nd(each, place) for each in (spans.starts, spans.ends))
        begin = tf.gather(self._windows.starts, window)
        first, last = first + begin, last + begin
        if self._bounds is not None:
            firsts, lasts = self._bounds
            first = tf.maximum(tf.gather(firsts, first), begin)
            last = tf.minimum(tf.gather(lasts, last), begin + tf.gather(self._windows.lengths, window) - 1)
        row = tf.gather(rows, window)
        start, end = self._without_blanks(row, first, last)
        starts, ends = (
            tf.RaggedTensor.from_value_rowids(each, row, tf.size(self._texts, tf.int32), validate=False)
            for each in (start, end)
        )
        *characters, start_bytes, end_bytes = (each.flat_values for each in whole_characters(self._texts, starts, ends))
        characters, bytes_ = tf.stack(characters, axis=1), tf.stack([start_bytes, end_bytes], axis=1)
        texts = tf.strings.substr(tf.gather(self._texts, row), bytes_[:, 0], tf.maximum(bytes_[:, 1] - bytes_[:, 0], 0))
        return LocatedSpans(row, tf.gather_nd(spans.scores, place), texts, characters, bytes_)

    def _without_blanks(self, row, first, last):
        """Where the first tokens begin and the last ones end, in bytes."""
        start, end = tf.gather(self._starts, first), tf.gather(self._ends, last)
        if not self._trims:
            return start, end
        texts = tf.gather(self._texts, row)
        first_text = tf.strings.substr(texts, start, tf.gather(self._ends, first) - start)
        last_start = tf.gather(self._starts, last)
        last_text = tf.strings.substr(texts, last_start, end - last_start)
        before = tf.strings.length(first_text) - tf.strings.length(tf.strings.regex_replace(first_text, "^ +", ""))
        behind = tf.strings.length(last_text) - tf.strings.length(tf.strings.regex_replace(last_text, " +$", ""))
        # A token of nothing but blanks is an empty place at its end.
        behind = tf.where(behind == tf.strings.length(last_text), 0, behind)
        return start + before, end - behind


def _words(word_ids):
    """The first token of each token's word and the last, int32 [T] each, counted through all rows."""
    ids, rows = word_ids.flat_values, word_ids.value_rowids()
    changed = (ids[1:] != ids[:-1]) | (rows[1:] != rows[:-1])
    words = tf.concat([[0], tf.cumsum(tf.cast(changed, tf.int32))], 0)[: tf.size(ids)]
    tokens = tf.range(tf.size(ids))
    count = tf.size(ids)
    return (
        tf.gather(tf.math.unsorted_segment_min(tokens, words, count), words),
        tf.gather(tf.math.unsorted_segment_max(tokens, words, count), words),
    )


def ranked_answers(
    spans: LocatedSpans, num_rows: Any, most: int, nothing: Any = None, threshold: float = 0.0
) -> dict[str, Any]:
    """The best answers of each row, best first; spans that say the same, whatever the case, count together.

    Args:
        spans: `LocatedSpans`.
        num_rows: int32 scalar, B.
        most: int, N: answers of a row.
        nothing: float32 [B], how probable it is that a row has no answer, which then is one of its answers; None where
            that is impossible.
        threshold: How much the logarithm of that must exceed that of another answer to come before it.

    Returns:
        dict of `answer` string [B, N], `score` float32 [B, N], `start`, `end`, `start_byte` and `end_byte` int32
        [B, N], which are those of the first of the spans, and `count` int32 [B]: how many answers there are. Places
        behind those have empty answers, and 0 elsewhere.
    """
    lowercase = tf.strings.lower(spans.texts, encoding="utf-8")
    _, group = tf.unique(tf.strings.join([tf.strings.as_string(spans.rows), lowercase], " "))
    count = tf.size(group)
    # There are no more groups than spans; the rest are empty.
    scores = tf.math.unsorted_segment_sum(spans.scores, group, count)
    firsts = tf.math.unsorted_segment_min(tf.range(count), group, count)
    used = firsts < count
    firsts, scores = tf.boolean_mask(firsts, used), tf.boolean_mask(scores, used)
    rows, keys = tf.gather(spans.rows, firsts), scores
    if nothing is not None:
        # One entry behind all spans stands for no answer.
        firsts = tf.concat([firsts, tf.fill([num_rows], count)], 0)
        rows = tf.concat([rows, tf.range(num_rows)], 0)
        scores, keys = tf.concat([scores, nothing], 0), tf.concat([keys, nothing * math.exp(-threshold)], 0)
    # By row, by score and, of equal ones, as they come.
    order = tf.argsort(keys, direction="DESCENDING", stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(rows, order), stable=True))
    ranked = tf.RaggedTensor.from_value_rowids(order, tf.gather(rows, order), num_rows, validate=False)[:, :most]
    # Another entry fills up the rows.
    places = ranked.to_tensor(tf.size(order), shape=[None, most])
    spans_of_places = tf.gather(tf.concat([firsts, [count]], 0), places)

    def taken(values, empty):
        return tf.gather(tf.concat([values, [empty]], 0), spans_of_places)

    return {
        "answer": taken(spans.texts, ""),
        "score": tf.gather(tf.concat([scores, [0.0]], 0), places),
        **{
            name: taken(values[:, side], 0)
            for values, names in ((spans.characters, ("start", "end")), (spans.bytes, ("start_byte", "end_byte")))
            for side, name in enumerate(names)
        },
        "count": tf.cast(ranked.row_lengths(), tf.int32),
    }
