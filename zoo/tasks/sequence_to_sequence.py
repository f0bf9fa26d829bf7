"""What tasks over an encoder-decoder share: text in, text out, by greedy or beam search with per-row controls."""

import abc
import functools
from dataclasses import asdict, replace
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from zoo.checkpoints.preset import save_preset
from zoo.errors import UserError
from zoo.generation import beam_search, greedy_search, length_penalty_divisor
from zoo.tasks.controls import check_controls, with_a_row
from zoo.tasks.examples import save_examples
from zoo.tasks.inference import SMALLEST_COMPILED_LENGTH, call_in_backend, rounded_up
from zoo.tasks.inference_functions import InferenceFunctions
from zoo.tasks.sequence_to_sequence_settings import MAX_LENGTH_PENALTY, SequenceToSequenceSettings
from zoo.tasks.task import Control, Task
from zoo.tasks.text_batches import check_texts, map_in_batches
from zoo.tokenizers.clean_up_spaces import clean_up_spaces

BLANK = r"[\s\v\pZ]*"
"""RE2 pattern of texts with nothing in them: ASCII and Unicode blanks."""


class SequenceToSequenceTask(Task):
    """Answers text with text by an encoder-decoder model.

    Subclasses name their settings and what an answer is, and say whether `predict_batch` gives `truncated` as well:
    `Translator` and `Summarizer`.

    Args:
        model: A `zoo.models.EncoderDecoder` or `zoo.models.T5`.
        source_tokenizer: `zoo.tokenizers.Tokenizer` of the input text, with `eos_id` and `pad_id`.
        target_tokenizer: That of the answers; the source tokenizer, for a joint vocabulary, if None.
        settings: Of `settings_class`.
        examples: Source texts to verify exports with, such as the first validation lines; saved in the preset.

    A text of nothing but blanks has an empty answer of score 0.

    Raises:
        UserError: if the tokenizers do not fit the model.
    """

    settings_class: ClassVar[type] = SequenceToSequenceSettings
    description: ClassVar[str] = "answering"
    reports_truncation: ClassVar[bool] = False

    def __init__(self, model, source_tokenizer, target_tokenizer=None, settings=None, examples=()):
        if not model.built:
            model.build()
        self.model = model
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer or source_tokenizer
        self.settings = settings or self.settings_class()
        self.examples = list(examples)
        special_tokens = ("pad", "eos") if self.settings.start_token_id is not None else ("pad", "bos", "eos")
        suppressed = self.settings.suppressed_token_ids
        source_size, target_size = self._vocabulary_sizes
        _check_tokenizer("source", self.source_tokenizer, ("pad", "eos"), source_size, suppressed)
        _check_tokenizer("target", self.target_tokenizer, special_tokens, target_size, suppressed)
        self._check_token_ids()
        self.settings = self._within_positions(self.settings)
        self._functions = InferenceFunctions()

    @property
    def tokenizer(self):
        """The tokenizer of the input text."""
        return self.source_tokenizer

    @property
    def max_source_length(self):
        """Source tokens, the end token included, beyond which text is cut off."""
        return self.settings.max_source_length

    @property
    def controls(self):
        """The per-row options of `predict_batch`."""
        settings = self.settings
        return {
            "max_new_tokens": Control(
                "int32", settings.max_new_tokens, 1, settings.max_new_tokens, "most target tokens, end token included"
            ),
            "min_new_tokens": Control(
                "int32", settings.min_new_tokens, 0, settings.max_new_tokens, "least target tokens before the end token"
            ),
            "length_penalty": Control(
                "float32",
                settings.length_penalty,
                -float(MAX_LENGTH_PENALTY),
                float(MAX_LENGTH_PENALTY),
                "exponent of the length normalisation of scores",
            ),
        }

    def predict_batch(self, text, **controls):
        """Answers to one batch; see `Task.predict_batch`.

        Args:
            text: string tensor of shape [B].
            controls: Any of `self.controls`.

        Returns:
            `text`, string [B], and `score`, float32 [B], of the best answer; and if the task `reports_truncation`,
            `truncated`, bool [B], True where a text was cut off.
        """
        answers = self._answer_batch(text, controls, self.settings.num_beams, num_return=1)
        return {name: value[:, 0] for name, value in answers.items()}

    def unpack(self, outputs):
        """The answers, a list of str."""
        return [text.decode("utf-8") for text in outputs["text"]]

    def __call__(self, texts, *, batch_size=32, progress=False, num_beams=None, **controls):
        """Answers a str or a list of any length.

        Args:
            texts: A str or a list of str or bytes.
            batch_size: Texts answered at a time.
            progress: Whether to show a progress bar.
            num_beams: Width of the beam search; the setting's if None.
            controls: A number for any of `self.controls`.

        Returns:
            A str, or a list of str in the order of `texts`.

        Raises:
            UserError: for texts that are none and for options unknown or out of bounds, naming them.
        """
        best = self.n_best(texts, 1, batch_size=batch_size, progress=progress, num_beams=num_beams, **controls)
        if isinstance(texts, (str, bytes)):
            return best[0].text
        return [answers[0].text for answers in best]

    def n_best(self, texts, n, *, batch_size=32, progress=False, num_beams=None, **controls):
        """The n best answers to each text with their scores.

        Args:
            texts, batch_size, progress, num_beams, controls: As in a call.
            n: Number of answers, at most `num_beams`.

        Returns:
            For each text a list of named tuples with `text` and `score`, best first; for a single str just that list.

        Raises:
            UserError: as in a call.
        """
        texts, single = check_texts(texts)
        num_beams = self.settings.num_beams if num_beams is None else num_beams
        for name, value, maximum in (("num_beams", num_beams, None), ("n", n, num_beams)):
            if not isinstance(value, int) or value < 1 or (maximum is not None and value > maximum):
                bounds = "at least 1" if maximum is None else f"between 1 and num_beams ({maximum})"
                raise UserError(f"{name} must be an integer, {bounds}, got {value!r}")
        predict = self._predictor(num_beams, n)
        controls = check_controls(self.controls, controls)

        def answers(batch):
            found = predict(tf.constant(batch, tf.string), controls)
            return self._answers({name: value.numpy() for name, value in found.items()})

        results = map_in_batches(answers, texts, batch_size=batch_size, progress=progress, description=self.description)
        return results[0] if single else results

    @abc.abstractmethod
    def _answers(self, outputs):
        """For each text a list of answers, named tuples, from numpy arrays [B, n] by name."""

    def _predictor(self, num_beams, num_return):
        """`_answer_batch` for a beam width, traced into a graph where the backend is TensorFlow."""

        def predict(text, controls):
            return self._answer_batch(text, controls, num_beams, num_return)

        controls = {name: tf.TensorSpec([], control.dtype) for name, control in self.controls.items()}
        key = (num_beams, num_return, self.settings)
        return self._functions.traced(self.model, key, predict, tf.TensorSpec([None], tf.string), controls)

    def _answer_batch(self, text, controls, num_beams, num_return):
        """Best answers, scores and whether their text was cut off, each [B, num_return], of string [B]."""
        text, controls, rows = with_a_row(self.controls, text, controls)
        batch_size = tf.shape(text)[0]
        source_token_ids, source_padding_mask, limit, truncated = self._encode(text)
        blank = tf.strings.regex_full_match(text, BLANK)
        max_new_tokens = tf.where(blank, 0, tf.minimum(controls["max_new_tokens"], limit))
        loop_length = tf.maximum(tf.reduce_max(max_new_tokens), 1)
        token_ids, scores = self._generate_in_backend(
            source_token_ids, source_padding_mask, max_new_tokens, controls, loop_length, num_beams, num_return
        )
        decoded = self.target_tokenizer.decode(tf.reshape(token_ids, [-1, tf.shape(token_ids)[-1]]))
        decoded = clean_up_spaces(decoded) if self.settings.clean_up_spaces else decoded
        decoded = tf.reshape(decoded, [batch_size, num_return])
        decoded = tf.where(blank[:, None], "", decoded)
        scores = tf.where(blank[:, None], 0.0, scores)
        answers = {"text": decoded[:rows], "score": scores[:rows]}
        if self.reports_truncation:
            answers["truncated"] = tf.repeat(truncated[:rows, tf.newaxis], num_return, axis=1)
        return answers

    def _encode(self, text):
        """Source token ids and mask, int32 [B, S], the greatest number of target tokens, int32 [B], and bool [B], True
        where a text was cut off."""
        tokenizer = self.source_tokenizer
        prefix, suffix = self._source_specials
        if self.settings.source_prefix:
            text = tf.strings.join([self.settings.source_prefix, text])
        whole = tokenizer.encode(text)
        room = self._text_room
        before, after = (
            tf.tile(tf.constant(ids, whole.dtype, [1, len(ids)]), [whole.nrows(), 1]) for ids in (prefix, suffix)
        )
        tokens = tf.concat([before, whole[:, :room], after], axis=1)
        lengths = tf.cast(tokens.row_lengths(), tf.int32)
        token_ids = tf.cast(tokens.to_tensor(default_value=tokenizer.pad_id), tf.int32)
        mask = tf.sequence_mask(lengths, tf.shape(token_ids)[1], dtype=tf.int32)
        factor, offset = self.settings.max_tokens_factor, self.settings.max_tokens_offset
        limit = tf.cast(tf.math.ceil(tf.cast(lengths, tf.float32) * factor), tf.int32) + offset
        return token_ids, mask, limit, whole.row_lengths() > room

    @property
    def _source_specials(self):
        """Tokens before and after those of a source text."""
        suffix = self.settings.source_suffix_ids
        return self.settings.source_prefix_ids, (self.source_tokenizer.eos_id,) if suffix is None else suffix

    @property
    def _text_room(self):
        """Tokens of a source text that are read, without special ones."""
        return self.max_source_length - sum(map(len, self._source_specials))

    @property
    def _start_token_id(self):
        """What the decoder reads first."""
        start_token_id = self.settings.start_token_id
        return self.target_tokenizer.bos_id if start_token_id is None else start_token_id

    @property
    def _vocabulary_sizes(self):
        """Tokens that the model reads in a source, and those that it writes."""
        return self.model.source_vocabulary_size, self.model.target_vocabulary_size

    def _within_positions(self, settings):
        """The settings with lengths cut to the model's positions."""
        longest = self.model.max_sequence_length
        if settings.max_source_length <= longest and settings.max_new_tokens <= longest:
            return settings
        return replace(
            settings,
            max_source_length=min(settings.max_source_length, longest),
            max_new_tokens=min(settings.max_new_tokens, longest),
            min_new_tokens=min(settings.min_new_tokens, longest),
        )

    def _generate_in_backend(
        self, source_token_ids, source_padding_mask, max_new_tokens, controls, loop_length, num_beams, num_return
    ):
        """Runs `_generate` in the Keras backend, for TensorFlow within the graph at hand."""
        arguments = dict(
            source_token_ids=source_token_ids,
            source_padding_mask=source_padding_mask,
            max_new_tokens=max_new_tokens,
            min_new_tokens=controls["min_new_tokens"],
            length_penalty=controls["length_penalty"],
        )
        options = dict(num_beams=num_beams, num_return=num_return, settings=self.settings)
        if keras.config.backend() != "tensorflow":
            loop_length = int(loop_length)
            if keras.config.backend() == "jax":
                loop_length = rounded_up(loop_length, SMALLEST_COMPILED_LENGTH, self.settings.max_new_tokens)
        # A row that is added to fill up a batch has room for no token, so it is done before the first step.
        padding = {"source_token_ids": self.source_tokenizer.pad_id, "source_padding_mask": 0}
        generate = self._functions.compiled(
            self.model, self._generate, ("loop_length", "num_beams", "num_return", "settings")
        )
        return call_in_backend(generate, arguments, padding, self.max_source_length, loop_length=loop_length, **options)

    def _generate(
        self,
        *,
        source_token_ids,
        source_padding_mask,
        max_new_tokens,
        min_new_tokens,
        length_penalty,
        loop_length,
        num_beams,
        num_return,
        settings,
    ):
        """Target token ids int32 [B, num_return, L] and scores float32 [B, num_return], in backend operations."""
        target = self.target_tokenizer
        bias = self._suppressing_bias(settings)
        cache, model_step = self._begin(source_token_ids, source_padding_mask, loop_length, num_beams)

        def step(token_ids, index, cache):
            logits, cache = model_step(token_ids, index, cache)
            return (logits if bias is None else logits + bias), cache

        limits = dict(
            eos_id=target.eos_id,
            pad_id=target.pad_id,
            max_new_tokens=max_new_tokens,
            min_new_tokens=min_new_tokens,
            loop_length=loop_length,
            no_repeat_ngram_size=settings.no_repeat_ngram_size,
            token_rules=settings.token_rules,
        )
        start_ids = keras.ops.full_like(max_new_tokens, self._start_token_id)
        if num_beams == 1 and num_return == 1:
            hypotheses = greedy_search(step, cache, start_ids, **limits)
            # Beam search counts the end token, where there is one, as part of the length; so does this score.
            ended = hypotheses.lengths < max_new_tokens[:, None]
            lengths = keras.ops.maximum(hypotheses.lengths + keras.ops.cast(ended, "int32"), 1)
            divisor = length_penalty_divisor(lengths, length_penalty[:, None], settings.length_penalty_type)
            return hypotheses.token_ids, hypotheses.log_probs / divisor
        hypotheses = beam_search(
            step,
            cache,
            start_ids,
            num_beams=num_beams,
            num_return=num_return,
            length_penalty=length_penalty,
            length_penalty_type=settings.length_penalty_type,
            stopping=settings.stopping,
            **limits,
        )
        return hypotheses.token_ids, hypotheses.scores

    def _begin(self, source_token_ids, source_padding_mask, loop_length, num_beams):
        """The cache before the first step, and the model's step function (token_ids, index, cache) over it."""
        model = self.model
        encoded = model.encode(source_token_ids, source_padding_mask)
        cache, cross_cache = model.start_cache(encoded, loop_length, num_beams)
        output_matrix = model.output_matrix()

        def step(token_ids, index, cache):
            return model.decode_step(token_ids, index, cache, cross_cache, source_padding_mask, output_matrix)

        return cache, step

    def _suppressing_bias(self, settings):
        """float32 [1, V] that takes suppressed tokens out of the model's own distribution, or None."""
        if not settings.renormalize or not settings.suppressed_token_ids:
            return None
        bias = np.zeros((1, self._vocabulary_sizes[1]), "float32")
        bias[:, list(settings.suppressed_token_ids)] = -np.inf
        return keras.ops.convert_to_tensor(bias)

    def _check_token_ids(self):
        """Refuses settings with tokens that the model does not have."""
        settings = self.settings
        source_size, target_size = self._vocabulary_sizes
        settings.token_rules.check_vocabulary_size(target_size)
        for name, ids, size in (
            ("start_token_id", [settings.start_token_id or 0], target_size),
            ("source_prefix_ids", settings.source_prefix_ids, source_size),
            ("source_suffix_ids", settings.source_suffix_ids or (), source_size),
        ):
            if max(ids, default=0) >= size:
                raise UserError(f"{name} must be less than the vocabulary size {size}, got {max(ids)}")

    def _of_settings(self, settings):
        return type(self)(self.model, self.source_tokenizer, self.target_tokenizer, settings, self.examples)

    def save(self, directory):
        """Writes the preset; see `zoo.load`.

        Args:
            directory: Where to write; made if needed. An earlier preset in it is replaced.

        Raises:
            UserError: if it cannot be written; an earlier preset then stays as it was.
        """
        joint = self.target_tokenizer is self.source_tokenizer
        # Examples are written even if there are none, so that those of an earlier preset are gone.
        assets = {
            "source_tokenizer": self.source_tokenizer.save,
            "examples.json": functools.partial(save_examples, self.examples),
        }
        if not joint:
            assets["target_tokenizer"] = self.target_tokenizer.save
        save_preset(
            directory,
            task=type(self).__name__,
            task_config={"settings": asdict(self.settings), "joint_tokenizer": joint},
            model=self.model,
            assets=assets,
        )

    @classmethod
    def from_preset(cls, preset, load_tokenizer, examples):
        """The task of a `zoo.checkpoints.Preset`; used by `zoo.load`."""
        source = load_tokenizer(preset.directory / "source_tokenizer")
        joint = preset.task_config["joint_tokenizer"]
        target = source if joint else load_tokenizer(preset.directory / "target_tokenizer")
        return cls(preset.model, source, target, cls.settings_class(**preset.task_config["settings"]), examples)


def _check_tokenizer(side, tokenizer, special_tokens, vocabulary_size, suppressed):
    for name in special_tokens:
        if getattr(tokenizer, f"{name}_id") is None:
            raise UserError(f"the {side} tokenizer has no {name} token, which the task needs")
    # Tables may have more rows than the vocabulary, to fill up a multiple, if no answer can hold those tokens.
    nameless = set(range(tokenizer.vocabulary_size, vocabulary_size))
    if tokenizer.vocabulary_size > vocabulary_size or not nameless <= set(suppressed):
        raise UserError(
            f"the {side} tokenizer has {tokenizer.vocabulary_size} tokens but the model {vocabulary_size}; "
            "they must come from one training run"
        )
