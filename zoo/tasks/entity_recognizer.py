"""Named entity recognition: text in, labelled spans with character and byte offsets out."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import tensorflow as tf

from zoo.data.batches.token_windows import cut_windows, merge_windows
from zoo.errors import UserError
from zoo.generation.tag_decoding import TagRules, best_tags, tag_spans
from zoo.tasks.encoded import Encoded
from zoo.tasks.encoder_task import SPECIAL_TOKENS, EncoderTask
from zoo.tasks.places_of_tokens import require_places
from zoo.tasks.registry import register_task
from zoo.tokenizers import BytePairTokenizer, Tokenizer, clean_text
from zoo.tokenizers.byte_pair.words import BLANK_WORD
from zoo.tokenizers.offsets import whole_characters

WORD_SCORES = ("mean", "first", "token")


@dataclass(frozen=True)
class EntitySettings:
    """How an `EntityRecognizer` reads and decodes.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        window: Tokens the model sees at a time, [CLS] and [SEP] included; the model's longest sequence if that is less.
        overlap: Tokens that neighbouring windows of a longer text share; a token's tag comes from the window in which
            it has most context.
        scheme: Of the tags: "BIO", "IOB1" or "BIOES"; illegal sequences are never given. "SIMPLE" for tags of any
            spelling, read as the simple strategy of transformers' pipeline does; see
            `zoo.generation.tag_decoding.TagRules`.
        word_scores: "mean" of the log-probabilities of a word's tokens, or those of its "first" token; "token" if
            each token is to have a tag of its own, so that entities may begin and end inside a word.
        trim_blanks: Whether the blanks that a tokenizer of byte pairs has in its tokens are no part of words.
    """

    window: int = 256
    overlap: int = 64
    scheme: str = "BIO"
    word_scores: str = "mean"
    trim_blanks: bool = True

    def __post_init__(self):
        for name, minimum in (("window", SPECIAL_TOKENS + 1), ("overlap", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                raise UserError(f"{name} must be an integer of at least {minimum}, got {value!r}")
        if self.overlap >= self.window - SPECIAL_TOKENS:
            raise UserError(
                f"overlap ({self.overlap}) must be less than the tokens of a window without its "
                f"{SPECIAL_TOKENS} special ones ({self.window - SPECIAL_TOKENS})"
            )
        if self.word_scores not in WORD_SCORES:
            raise UserError(f"word_scores must be one of {', '.join(WORD_SCORES)}, got {self.word_scores!r}")
        if not isinstance(self.trim_blanks, bool):
            raise UserError(f"trim_blanks must be true or false, got {self.trim_blanks!r}")


@register_task
class EntityRecognizer(EncoderTask):
    """Finds entities in text with a token classifier.

    Words are what the tokenizer's pre-tokenisation makes of a text, so an entity never ends inside a word. Blanks are
    no part of words, unless the settings say so: not the one that a `BytePairTokenizer` keeps before a word, nor runs
    of them. Texts may have any
    length. Offsets refer to `zoo.tokenizers.clean_text(text)`: text that is no valid UTF-8 is read with U+FFFD
    in place of what is wrong.

    Args:
        model: A `zoo.models.TokenClassifier` of C labels.
        tokenizer: A tokenizer with `tokenize_with_offsets`, such as `zoo.tokenizers.WordPieceTokenizer`.
        tags: The C tags in the order of the model's outputs, such as "O", "B-person", "I-person".
        settings: `EntitySettings`.
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if tags, tokenizer and model do not fit each other.

    Example:
        >>> recognizer = zoo.load("runs/ner")
        >>> recognizer("Marie Curie was born in Warsaw.")
        [{'text': 'Marie Curie', 'label': 'person', 'score': 0.98,
          'start': 0, 'end': 11, 'start_byte': 0, 'end_byte': 11},
         {'text': 'Warsaw', 'label': 'location', 'score': 0.97,
          'start': 24, 'end': 30, 'start_byte': 24, 'end_byte': 30}]
    """

    settings_class = EntitySettings
    saved = ("tags",)
    description = "recognizing"
    outputs: ClassVar[dict] = {
        "text": "what is said of the entity",
        "label": "its kind",
        "score": "mean of the probabilities of its words",
        "start": "its first character",
        "end": "the one after its last",
        "start_byte": "its first byte",
        "end_byte": "the one after its last",
        "count": "how many entities the text has",
    }
    ragged_outputs: ClassVar[dict] = {
        "text": b"",
        "label": b"",
        "score": 0.0,
        **dict.fromkeys(("start", "end", "start_byte", "end_byte"), 0),
    }
    ragged_items = "entities"

    def __init__(self, model: keras.Model, tokenizer: Tokenizer, tags: Any, settings: Any = None, examples: Any = ()):
        super().__init__(model, tokenizer, settings, examples)
        require_places(tokenizer, "entities")
        settings = self.settings
        self.rules = TagRules(tags, settings.scheme)
        if len(self.rules.tags) != model.num_labels:
            raise UserError(f"the model has {model.num_labels} outputs but there are {len(self.rules.tags)} tags")
        if settings.window > model.max_sequence_length:
            longest = model.max_sequence_length
            overlap = min(settings.overlap, (longest - SPECIAL_TOKENS) // 4)
            self.settings = replace(settings, window=longest, overlap=overlap)

    @property
    def tags(self) -> list[str]:
        """The tags in the order of the model's outputs, list of str."""
        return list(self.rules.tags)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of entities, tuple of str."""
        return self.rules.labels

    @property
    def max_source_length(self) -> int:
        """Tokens of a window; longer texts are read in several."""
        return self.settings.window

    def encode(self, text: Any, **controls: Any) -> Any:
        """Windows of the tokens of texts; see `Task.encode`."""
        tokens = self.tokenizer.tokenize_with_offsets(text)
        if self.settings.word_scores == "token":
            tokens = tokens._replace(word_ids=tf.cast(tf.ragged.range(tokens.token_ids.row_lengths()), tf.int32))
        windows = cut_windows(tokens.token_ids, *self._window, self.tokenizer.pad_id)
        kept = {"tokens": tokens, "windows": windows, "cleaned": clean_text(text)}
        return self.framed(windows.token_ids, windows.lengths, kept=kept)

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Entities of one batch; see `Task.decode`.

        Returns:
            For at most N entities of a text, in their order: `text`, `label` string [B, N], `score` float32 [B, N] (the
            geometric mean of the probabilities of its words' tags, or in the scheme "SIMPLE" the arithmetic mean; a
            word's are the softmax of its scores), `start`, `end` int32 [B, N] in characters and `start_byte`,
            `end_byte` int32 [B, N], half-open; and `count` int32 [B], how many of them each text has.
            What comes after them is empty and 0.
        """
        tokens, cleaned = kept["tokens"], kept["cleaned"]
        token_scores = self._token_scores(results, kept["windows"])
        scores = _word_scores(token_scores, tokens.word_ids, self.settings.word_scores)
        lengths = tf.reduce_max(tf.concat([tokens.word_ids, tf.fill([tokens.word_ids.nrows(), 1], -1)], 1), axis=1) + 1
        word_starts = _first_of_words(tokens.starts, tokens.word_ids)
        word_ends = _last_of_words(tokens.ends, tokens.word_ids)
        if self.settings.trim_blanks and isinstance(self.tokenizer, BytePairTokenizer):
            scores, lengths, word_starts, word_ends = _without_blanks(cleaned, scores, lengths, word_starts, word_ends)
        words = Encoded({"scores": scores, "lengths": lengths}, padding={"scores": 0.0})
        starts, ends, label_ids, spans_scores, counts = self.run(self._spans, words)
        width = tf.maximum(tf.reduce_max(counts), 1)
        starts, ends, label_ids, spans_scores = (value[:, :width] for value in (starts, ends, label_ids, spans_scores))
        found = tf.range(width)[tf.newaxis] < counts[:, tf.newaxis]
        start_byte = tf.where(found, tf.gather(word_starts, starts, batch_dims=1), 0)
        end_byte = tf.where(found, tf.gather(word_ends, tf.maximum(ends - 1, 0), batch_dims=1), 0)
        places = whole_characters(cleaned, *map(tf.RaggedTensor.from_tensor, (start_byte, end_byte)))
        start, end, start_byte, end_byte = (tf.reshape(each.flat_values, [-1, width]) for each in places)
        names = tf.gather(tf.constant(self.labels), label_ids)
        return {
            "text": tf.strings.substr(cleaned[:, tf.newaxis], start_byte, end_byte - start_byte),
            "label": tf.where(found, names, ""),
            "score": spans_scores,
            "start": start,
            "end": end,
            "start_byte": start_byte,
            "end_byte": end_byte,
            "count": counts,
        }

    @property
    def _window(self):
        """Tokens of a window without special ones, and how many the next one begins later."""
        window = self.settings.window - SPECIAL_TOKENS
        return window, window - self.settings.overlap

    def _token_scores(self, results, windows):
        """float32 [B, T, C]: the log-probability of each tag for each token, special tokens left out."""
        width = tf.shape(windows.token_ids)[1]
        return tf.nn.log_softmax(merge_windows(results[0][:, 1 : width + 1], windows, *self._window))

    def _spans(self, *, scores, lengths):
        tags = best_tags(scores, lengths, self.rules)
        # JAX compiles, so the number of entities must be known: there are never more than words.
        most = scores.shape[1] if keras.config.backend() == "jax" else None
        return tuple(tag_spans(tags, scores, lengths, self.rules, most))


def _places(word_ids):
    """Segment ids of tokens, int32 [tokens], numbering the words of all rows; rows B and the most words of a row W."""
    rows = word_ids.nrows()
    width = tf.maximum(tf.reduce_max(tf.concat([word_ids.flat_values, [0]], 0)) + 1, 1)
    return tf.cast(word_ids.value_rowids(), tf.int32) * width + word_ids.flat_values, tf.cast(rows, tf.int32), width


def _word_scores(scores, word_ids, how):
    """float32 [B, W, C] of token scores [B, T, C]."""
    places, rows, width = _places(word_ids)
    flat = tf.RaggedTensor.from_tensor(scores, lengths=word_ids.row_lengths()).flat_values
    if how == "first":
        first = tf.concat([[True], places[1:] != places[:-1]], 0)[: tf.size(places)]
        flat, places = tf.boolean_mask(flat, first), tf.boolean_mask(places, first)
    sums = tf.math.unsorted_segment_sum(flat, places, rows * width)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(places, tf.float32), places, rows * width)
    means = sums / tf.maximum(counts, 1.0)[:, tf.newaxis]
    return tf.reshape(means, [rows, width, scores.shape[-1]])


def _first_of_words(values, word_ids):
    """int32 [B, W], the smallest value among each word's tokens."""
    places, rows, width = _places(word_ids)
    return tf.reshape(tf.math.unsorted_segment_min(values.flat_values, places, rows * width), [rows, width])


def _last_of_words(values, word_ids):
    """int32 [B, W], the largest value among each word's tokens."""
    places, rows, width = _places(word_ids)
    return tf.reshape(tf.math.unsorted_segment_max(values.flat_values, places, rows * width), [rows, width])


def _without_blanks(texts, scores, lengths, starts, ends):
    """The same of words without the blank before each, and without the words that are nothing but blanks."""
    real = tf.range(tf.shape(starts)[1])[tf.newaxis] < lengths[:, tf.newaxis]
    starts, ends = tf.where(real, starts, 0), tf.where(real, ends, 0)
    words = tf.strings.substr(texts[:, tf.newaxis], starts, ends - starts)
    kept = real & ~tf.strings.regex_full_match(words, BLANK_WORD)
    starts += tf.cast(kept & (tf.strings.substr(words, 0, 1) == " "), tf.int32)
    # Those that are kept come first, in their order.
    order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)
    scores, starts, ends = (tf.gather(values, order, batch_dims=1) for values in (scores, starts, ends))
    return scores, tf.reduce_sum(tf.cast(kept, tf.int32), axis=1), starts, ends
