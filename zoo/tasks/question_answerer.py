"""Extractive question answering: a question and a context in, the words of the context that answer it out."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import tensorflow as tf

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.tasks.answer_spans import AnswerSpans, probable_spans, ranked_answers
from zoo.tasks.encoder_task import SPECIAL_TOKENS
from zoo.tasks.pair_rows import TokenSpans
from zoo.tasks.pair_settings import PairSettings
from zoo.tasks.pair_task import PairTask
from zoo.tasks.places_of_tokens import require_places
from zoo.tasks.registry import register_task
from zoo.tasks.signature import Signature
from zoo.tasks.task import plain
from zoo.tokenizers import BytePairTokenizer, clean_text

# Logarithms of probabilities of float32 differ by less.
_LARGEST = 1000.0


@dataclass(frozen=True)
class QuestionAnsweringSettings(PairSettings):
    """How a `QuestionAnswerer` reads contexts and chooses answers.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        window: Tokens the model sees at a time, those of the question and special ones included; the model's longest
            sequence if that is less.
        overlap: Tokens of a longer context that neighbouring windows share, called `doc_stride` elsewhere.
        max_answer_tokens: Tokens of the longest answer.
        whole_words: Whether answers begin and end where words do; better not for Chinese or Japanese.
        trim_blanks: Whether answers lose the blanks that a tokenizer of byte pairs has in its tokens.
        no_answer: Whether the context may lack an answer, as in SQuAD 2: then the answer is empty where that is more
            probable than any other.
        no_answer_threshold: How much the logarithm of that probability must exceed the other's for it, as the
            difference of scores in SQuAD 2's own program; below 0 answers are empty more often.
        num_answers: Answers that `n_best` gives.
    """

    window: int = 384
    overlap: int = 128
    max_answer_tokens: int = 15
    whole_words: bool = True
    trim_blanks: bool = True
    no_answer: bool = False
    no_answer_threshold: float = 0.0
    num_answers: int = 5

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("window", 1), ("overlap", 0), ("max_answer_tokens", 1), ("num_answers", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UserError(f"{name} must be an integer of at least {least}, got {value!r}")
        check_range("no_answer_threshold", self.no_answer_threshold, least=-_LARGEST, most=_LARGEST)
        for name in ("whole_words", "trim_blanks", "no_answer"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name} must be true or false, got {getattr(self, name)!r}")
        # One token of the question and, beyond the overlap, one of the context.
        least = SPECIAL_TOKENS + self.separators + self.overlap + 2
        if self.window < least:
            raise UserError(f"window must be at least {least} with an overlap of {self.overlap}, got {self.window}")


@register_task
class QuestionAnswerer(PairTask):
    """Finds the answer to a question in a context, which may have any length.

    A longer context is read in windows that overlap. Probabilities are those within a window; spans that say the same
    words add up. Offsets refer to `zoo.tokenizers.clean_text(context)`: a context that is no valid UTF-8 is read with
    U+FFFD in place of what is wrong. Of a question that leaves no room for the context the end is cut off. A
    question or a context of nothing but blanks is refused.

    Args:
        model: A `zoo.models.SpanPredictor`.
        tokenizer: A tokenizer with `tokenize_with_offsets`, such as `zoo.tokenizers.WordPieceTokenizer`.
        settings: `QuestionAnsweringSettings`.
        examples: Questions with contexts to verify exports with, a dict of "question" and "context" each; saved in the
            preset.

    Raises:
        UserError: if tokenizer and model do not fit each other.

    Example:
        >>> answerer = zoo.load("bert-squad")
        >>> sorted(answerer("Where was Marie Curie born?", "Marie Curie was born in Warsaw, and died in Passy."))
        ['answer', 'end', 'end_byte', 'score', 'start', 'start_byte']
    """

    inputs: ClassVar[tuple[str, ...]] = ("question", "context")
    required = inputs
    outputs: ClassVar[dict] = {
        "answer": "words of the context, or nothing",
        "score": "how probable that answer is",
        "start": "its first character in the context",
        "end": "the one after its last",
        "start_byte": "its first byte",
        "end_byte": "the one after its last",
    }
    settings_class = QuestionAnsweringSettings
    description = "answering"

    def __init__(self, model: Any, tokenizer: Any, settings: Any = None, examples: Any = ()):
        settings = settings or self.settings_class()
        longest = model.max_sequence_length
        if settings.window > longest:
            settings = replace(settings, window=longest, overlap=min(settings.overlap, longest // 2))
        super().__init__(model, tokenizer, settings, examples)
        require_places(tokenizer, "answers")
        self.further_signatures = {"n_best": self._n_best_signature(self.settings.num_answers)}

    def _n_best_signature(self, most):
        outputs = {
            "answers": "words of the context, the best answer first",
            "scores": "how probable each is",
            "starts": "their first characters in the context",
            "ends": "those after their last",
            "start_bytes": "their first bytes",
            "end_bytes": "those after their last",
            "count": "how many answers the row has; what stands behind them is empty",
        }

        def n_best(question, context):
            return self.answer_batch({"question": question, "context": context}, num_answers=most)

        return Signature(n_best, self.inputs, outputs, required=self.required)

    @property
    def max_source_length(self) -> int:
        """Tokens of a window; longer contexts are read in several."""
        return self.settings.window

    def encode(self, question: Any, context: Any, num_answers: int | None = None, **controls: Any) -> Any:
        """Windows of contexts, each behind the question; see `Task.encode`."""
        tokens, overlap = self.tokenizer.tokenize_with_offsets(context), self.settings.overlap
        questions = TokenSpans.of(self.tokenizer.encode(question))
        question_lengths = tf.minimum(questions.lengths, self.most_tokens - overlap - 1)
        contexts = TokenSpans.of(tokens.token_ids)
        # Windows of one context are as long as its question lets them be.
        windows = self.most_tokens - question_lengths
        steps = windows - overlap
        counts = 1 + tf.maximum(contexts.lengths - windows + steps - 1, 0) // steps
        rows = tf.repeat(tf.range(tf.size(counts)), counts)
        order = tf.range(tf.size(rows)) - tf.gather(tf.cumsum(counts, exclusive=True), rows)
        begin = order * tf.gather(steps, rows)
        first = TokenSpans(questions.values, tf.gather(questions.starts, rows), tf.gather(question_lengths, rows))
        second = TokenSpans(
            contexts.values,
            tf.gather(contexts.starts, rows) + begin,
            tf.minimum(tf.gather(contexts.lengths, rows) - begin, tf.gather(windows, rows)),
        )
        kept = {
            "tokens": tokens,
            "context": clean_text(context),
            "windows": second,
            "rows": rows,
            "first_places": 1 + first.lengths + self.settings.separators,
            "num_answers": num_answers,
        }
        return self.joined(first, second, kept=kept)

    def compute(self, num_answers: int | None = None, **inputs: Any) -> Any:
        """What the model gives, a tuple of one tensor."""
        return super().compute(**inputs)

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Answers of one batch; see `Task.decode`.

        Returns:
            `answer` string [B], `score` float32 [B], `start` and `end` int32 [B] in characters and `start_byte` and
            `end_byte` int32 [B], half-open. An empty answer has places of 0, and a score of 0 unless the settings allow
            it. Where a number of answers was asked for, the same names in the plural, [B, N], and `count` int32 [B].
        """
        settings, most = self.settings, kept["num_answers"] or 1
        windows, rows = kept["windows"], kept["rows"]
        # As many as transformers' pipeline takes: several that are widened to whole words may be the same answer.
        count = 2 * most + 10 if settings.whole_words else most
        spans, nothing = probable_spans(
            results[0], kept["first_places"], windows.lengths, settings.max_answer_tokens, count
        )
        answers = AnswerSpans(
            kept["context"],
            kept["tokens"],
            windows,
            trim_blanks=settings.trim_blanks and isinstance(self.tokenizer, BytePairTokenizer),
            whole_words=settings.whole_words,
        )
        found = ranked_answers(
            answers.located(spans, rows),
            tf.size(kept["context"]),
            most,
            tf.math.segment_min(nothing, rows) if settings.no_answer else None,
            settings.no_answer_threshold,
        )
        if kept["num_answers"] is None:
            return {name: found[name][:, 0] for name in self.outputs}
        return {**{f"{name}s": found[name] for name in self.outputs}, "count": found["count"]}

    def n_best(self, question: Any, context: Any, count: int | None = None, **options: Any) -> Any:
        """The best answers to questions, best first.

        More candidates are compared than for one answer, so that spans of the same words add up to more.

        Args:
            question, context: As of a call.
            count: int, how many answers; `num_answers` of the settings if None.
            options: `batch_size` and `progress` as of a call.

        Returns:
            A list of dicts as a call gives them, as many as there are and at most `count`; or a list of such lists.

        Raises:
            UserError: as of a call, and for a number less than 1.
        """
        count = self.settings.num_answers if count is None else count
        check_range("count", count, least=1)
        signature = self._n_best_signature(count)
        texts = [question, context]
        return self.answer(("n_best", count, repr(self.settings)), signature, texts, unpack=self._listed, **options)

    def _listed(self, outputs):
        """A list of dicts for each row."""
        columns = {name: plain(outputs[f"{name}s"]) for name in self.outputs}
        return [
            [{name: column[row][place] for name, column in columns.items()} for place in range(count)]
            for row, count in enumerate(outputs["count"])
        ]
