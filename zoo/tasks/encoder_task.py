"""What tasks over an encoder share: text in between two special tokens, read in parts that fit into memory."""

from dataclasses import replace

import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.encoded import Encoded
from zoo.tasks.task import Task

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which every row has."""

# Positions, padding included, that go through the model at a time; the rest of a larger request waits.
_POSITIONS_AT_A_TIME = 16_384


class EncoderTask(Task):
    """A task whose model reads `[CLS] text [SEP]`.

    Args:
        model: A model over an encoder, such as `zoo.models.TokenClassifier`.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id` ([CLS], [SEP] and [PAD] of BERT).
        settings: Of `settings_class`; a `max_source_length` is cut to the model's positions.
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if the tokenizer does not fit the model.
    """

    def __init__(self, model, tokenizer, settings=None, examples=()):
        super().__init__(model, tokenizer, settings, examples)
        for name in ("pad", "bos", "eos"):
            if getattr(tokenizer, f"{name}_id") is None:
                raise UserError(f"the tokenizer has no {name} token, which {type(self).__name__} needs")
        if tokenizer.vocabulary_size > model.encoder.vocabulary_size:
            raise UserError(
                f"the tokenizer has {tokenizer.vocabulary_size} tokens but the model {model.encoder.vocabulary_size}; "
                "they must belong together"
            )
        if getattr(self.settings, "max_source_length", 0) > model.max_sequence_length:
            self.settings = replace(self.settings, max_source_length=model.max_sequence_length)

    @property
    def max_source_length(self):
        """Tokens, special ones included, beyond which text is cut off."""
        return self.settings.max_source_length

    def encode(self, text, **controls):
        """The tokens of texts, cut off where special ones still fit; see `Task.encode`."""
        return self.framed(*self._cut_tokens(text))

    def compute(self, **inputs):
        """What the model gives, a tuple of one tensor."""
        return (self.model(inputs),)

    def _cut_tokens(self, text):
        """Tokens of texts, int32 [B, S], cut off where special ones still fit, and their numbers, int32 [B]."""
        tokens = self.tokenizer.encode(text)[:, : self.max_source_length - SPECIAL_TOKENS]
        token_ids = tf.cast(tokens.to_tensor(default_value=self.tokenizer.pad_id), tf.int32)
        return token_ids, tf.cast(tokens.row_lengths(), tf.int32)

    def framed(self, token_ids, lengths, positions_more=0, kept=None, **inputs):
        """Rows of tokens with [CLS] before and [SEP] after them, as the model reads them.

        Args:
            token_ids: int32 [N, S], anything after the end of a row.
            lengths: int32 [N].
            positions_more: int32 scalar: memory for a row beyond its S + 2 positions, counted in positions.
            kept: As of `Encoded`.
            inputs: More arguments of `compute`, with first dimension N.

        Returns:
            `Encoded` with `token_ids` and `padding_mask`, int32 [N, S + 2] or more where lengths are rounded up.
        """
        tokenizer = self.tokenizer
        rows, width = tf.shape(token_ids)[0], tf.shape(token_ids)[1] + 2
        begin = tf.fill([rows, 1], tf.constant(tokenizer.bos_id, tf.int32))
        token_ids = tf.concat([begin, token_ids, begin], axis=1)
        places = tf.range(width)[tf.newaxis]
        end = lengths[:, tf.newaxis] + 1
        token_ids = tf.where(places < end, token_ids, tf.where(places == end, tokenizer.eos_id, tokenizer.pad_id))
        return self.read_in_parts(
            {"token_ids": token_ids, "padding_mask": tf.cast(places <= end, tf.int32)}, positions_more, kept, **inputs
        )

    def read_in_parts(self, tokens, positions_more=0, kept=None, **inputs):
        """What the model reads, in parts of so many rows that memory stays bounded.

        Args:
            tokens: `token_ids`, `padding_mask` and other tensors [N, S] of a number for each position, by name.
            positions_more, kept, inputs: As of `framed`.

        Returns:
            `Encoded`.
        """
        width = tf.shape(tokens["token_ids"])[1]
        return Encoded(
            {**tokens, **inputs},
            padding={**dict.fromkeys(tokens, 0), "token_ids": self.tokenizer.pad_id},
            longest=self.model.max_sequence_length,
            rows_at_a_time=tf.maximum(_POSITIONS_AT_A_TIME // (width + positions_more), 1),
            kept=kept or {},
        )
