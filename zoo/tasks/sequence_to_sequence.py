"""What tasks over an encoder-decoder share: text in, text out, by greedy or beam search with per-row controls."""

from dataclasses import replace
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.growing_state import state_grows
from zoo.generation.search import search_of
from zoo.tasks.encoded import Encoded
from zoo.tasks.generating_task import GeneratingTask
from zoo.tasks.inference import loop_length_in_backend
from zoo.tasks.search_settings import flat_settings
from zoo.tasks.sequence_to_sequence_settings import SequenceToSequenceSettings
from zoo.tokenizers.clean_up_spaces import clean_up_spaces

BLANK = r"[\s\v\pZ]*"
"""RE2 pattern of texts with nothing in them: ASCII and Unicode blanks."""


class SequenceToSequenceTask(GeneratingTask):
    """Answers text with text by an encoder-decoder model.

    Subclasses name their settings, the outputs, `truncated` among them or not, and what an answer is: `Translator` and
    `Summarizer`.

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
    outputs: ClassVar[dict] = {"text": "the answer", "score": "its log-probability, normalised as the search does it"}

    def __init__(self, model, source_tokenizer, target_tokenizer=None, settings=None, examples=()):
        super().__init__(model, source_tokenizer, settings, examples)
        self.target_tokenizer = target_tokenizer or source_tokenizer
        special_tokens = ("pad", "eos") if self.settings.start_token_id is not None else ("pad", "bos", "eos")
        suppressed = self.settings.suppressed_token_ids
        source_size, target_size = self._vocabulary_sizes
        _check_tokenizer("source", self.source_tokenizer, ("pad", "eos"), source_size, suppressed)
        _check_tokenizer("target", self.target_tokenizer, special_tokens, target_size, suppressed)
        self._check_token_ids()
        self.settings = self._within_positions(self.settings)

    @property
    def source_tokenizer(self):
        """The tokenizer of the input text."""
        return self.tokenizer

    @property
    def tokenizers(self):
        """The tokenizers by the names that the constructor and presets have for them, a joint one once."""
        target = {} if self._joint else {"target_tokenizer": self.target_tokenizer}
        return {"source_tokenizer": self.source_tokenizer, **target}

    @property
    def _joint(self):
        return self.target_tokenizer is self.source_tokenizer

    @property
    def max_source_length(self):
        """Source tokens, the end token included, beyond which text is cut off."""
        return self.settings.max_source_length

    def n_best(self, texts, n, *, batch_size=None, progress=False, num_beams=None, **controls):
        """The n best answers to each text with their scores.

        Args:
            texts: A str or a list of str or bytes.
            n: Number of answers, at most `num_beams`.
            batch_size: Texts answered at a time; 32 if None.
            progress: Whether to show a progress bar.
            num_beams: Width of the beam search; the setting's if None.
            controls: A number for any of `self.controls`.

        Returns:
            For each text a list of named tuples with `text` and `score`, best first; for a single str just that list.

        Raises:
            UserError: as in a call.
        """
        search = self.settings.search
        num_beams = search.num_beams if num_beams is None else num_beams
        for name, value, maximum in (("num_beams", num_beams, None), ("n", n, num_beams)):
            if not isinstance(value, int) or value < 1 or (maximum is not None and value > maximum):
                bounds = "at least 1" if maximum is None else f"between 1 and num_beams ({maximum})"
                raise UserError(f"{name} must be an integer, {bounds}, got {value!r}")
        if num_beams != search.num_beams:
            search = search_of(search, {"num_beams": num_beams}, self.settings.searches)

        return self._hypotheses([texts], n, search, batch_size=batch_size, progress=progress, **controls)

    def _best(self, *texts, **options):
        # With another number of beams, if the call asks for it.
        return self.n_best(*texts, n=1, **options)

    def encode(self, text, max_new_tokens, min_new_tokens, search, num_return, **controls):
        """Source tokens and limits of one batch; see `Task.encode`."""
        source_token_ids, source_padding_mask, limit, truncated = self._encode(text)
        blank = tf.strings.regex_full_match(text, BLANK)
        max_new_tokens = tf.where(blank, 0, tf.minimum(max_new_tokens, limit))
        loop_length = tf.maximum(tf.reduce_max(max_new_tokens), 1)
        return Encoded(
            {
                "source_token_ids": source_token_ids,
                "source_padding_mask": source_padding_mask,
                "max_new_tokens": max_new_tokens,
                "min_new_tokens": min_new_tokens,
                **controls,
            },
            # A row that is added to fill up a batch has room for no token, so it is done before the first step.
            padding={"source_token_ids": self.source_tokenizer.pad_id, "source_padding_mask": 0},
            longest=self.max_source_length,
            options={
                "loop_length": loop_length_in_backend(loop_length, self.settings.max_new_tokens),
                "settings": self.settings,
            },
            kept={"blank": blank[:, tf.newaxis], "truncated": truncated[:, tf.newaxis]},
        )

    def decode(self, results, kept):
        """Answers, their scores and whether their text was cut off, each [B, num_return]; see `Task.decode`."""
        token_ids, scores = results
        texts = self.target_tokenizer.decode(tf.reshape(token_ids, [-1, tf.shape(token_ids)[-1]]))
        texts = clean_up_spaces(texts) if self.settings.clean_up_spaces else texts
        texts = tf.where(kept["blank"], "", tf.reshape(texts, tf.shape(scores)))
        answers = {"text": texts, "score": tf.where(kept["blank"], 0.0, scores)}
        if "truncated" in self.outputs:
            answers["truncated"] = tf.broadcast_to(kept["truncated"], tf.shape(scores))
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

    @property
    def _vocabulary_size(self):
        return self._vocabulary_sizes[1]

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

    def compute(
        self,
        *,
        source_token_ids,
        source_padding_mask,
        max_new_tokens,
        min_new_tokens,
        loop_length,
        search,
        num_return,
        settings,
        **controls,
    ):
        """Target token ids int32 [B, num_return, L] and scores float32 [B, num_return], in backend operations."""
        target = self.target_tokenizer
        bias = self._suppressing_bias(settings)
        sequences = search.num_sequences(num_return)
        room = 0 if state_grows() else loop_length
        cache, model_step = self._begin(source_token_ids, source_padding_mask, room, sequences)

        def step(token_ids, index, cache):
            logits, cache = model_step(token_ids, index, cache)
            return (logits if bias is None else logits + bias), cache

        start_ids = keras.ops.full_like(max_new_tokens, self._start_token_id)
        options = DecodeOptions(
            eos_id=target.eos_id,
            pad_id=target.pad_id,
            max_new_tokens=max_new_tokens,
            min_new_tokens=min_new_tokens,
            loop_length=loop_length,
            no_repeat_ngram_size=settings.no_repeat_ngram_size,
            context_token_ids=start_ids[:, None] if settings.count_start_token else None,
            token_rules=settings.token_rules,
            lengthen=self.model.lengthened if state_grows() else None,
        )
        hypotheses = search(
            step,
            cache,
            start_ids,
            options,
            num_return=num_return,
            **controls,
        )
        return hypotheses.token_ids, hypotheses.scores

    def _begin(self, source_token_ids, source_padding_mask, room, num_beams):
        """The cache before the first step, and the model's step function (token_ids, index, cache) over it.

        The cache has room for so many steps.
        """
        model = self.model
        encoded = model.encode(source_token_ids, source_padding_mask)
        cache, cross_cache = model.start_cache(encoded, room, num_beams)
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

    def _task_config(self):
        return {"settings": flat_settings(self.settings), "joint_tokenizer": self._joint}

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
