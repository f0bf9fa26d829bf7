"""What tasks over an encoder share: text in between two special tokens, the model's backend, Python calls, presets."""

import abc
import functools

import numpy as np
import tensorflow as tf

from zoo.checkpoints.preset import save_preset
from zoo.errors import UserError
from zoo.tasks.controls import check_controls
from zoo.tasks.examples import save_examples
from zoo.tasks.inference import call_in_backend
from zoo.tasks.inference_functions import InferenceFunctions
from zoo.tasks.row_parts import in_parts
from zoo.tasks.task import Task
from zoo.tasks.text_batches import check_texts, map_in_batches

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which every row has."""

# Positions, padding included, that go through the model at a time; the rest of a larger request waits.
_POSITIONS_AT_A_TIME = 16_384


class EncoderTask(Task):
    """A task whose model reads `[CLS] text [SEP]`.

    Args:
        model: A model over an encoder, such as `zoo.models.TokenClassifier`.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id` ([CLS], [SEP] and [PAD] of BERT).
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if the tokenizer does not fit the model.
    """

    description = "predicting"

    def __init__(self, model, tokenizer, examples=()):
        if not model.built:
            model.build()
        for name in ("pad", "bos", "eos"):
            if getattr(tokenizer, f"{name}_id") is None:
                raise UserError(f"the tokenizer has no {name} token, which {type(self).__name__} needs")
        if tokenizer.vocabulary_size > model.encoder.vocabulary_size:
            raise UserError(
                f"the tokenizer has {tokenizer.vocabulary_size} tokens but the model {model.encoder.vocabulary_size}; "
                "they must belong together"
            )
        self.model = model
        self.tokenizer = tokenizer
        self.examples = list(examples)
        self.controls = {}
        self._functions = InferenceFunctions()

    def __call__(self, texts, *, batch_size=32, progress=False, **controls):
        """Results for a str or a list of any length.

        Args:
            texts: A str or a list of str or bytes.
            batch_size: Texts in a batch, at most.
            progress: Whether to show a progress bar.
            controls: A number for any of `self.controls`.

        Returns:
            One result, or a list of results in the order of `texts`; see `unpack`.

        Raises:
            UserError: for texts that are none and for options unknown or out of bounds, naming them.
        """
        texts, single = check_texts(texts)
        controls = check_controls(self.controls, controls)
        predict = self._graph_predictor()

        def results(batch):
            outputs = predict(tf.constant(batch, tf.string), controls)
            return self.unpack({name: value.numpy() for name, value in outputs.items()})

        found = map_in_batches(results, texts, batch_size=batch_size, progress=progress, description=self.description)
        return found[0] if single else found

    def _graph_predictor(self):
        """`predict_batch`, traced into a graph where the backend is TensorFlow."""

        def predict(text, controls):
            return self.predict_batch(text, **controls)

        controls = {name: tf.TensorSpec([], control.dtype) for name, control in self.controls.items()}
        return self._functions.traced(self.model, "predict", predict, tf.TensorSpec([None], tf.string), controls)

    def _cut_tokens(self, text):
        """Tokens of texts, int32 [B, S], cut off where special ones still fit, and their numbers, int32 [B]."""
        tokens = self.tokenizer.encode(text)[:, : self.max_source_length - SPECIAL_TOKENS]
        token_ids = tf.cast(tokens.to_tensor(default_value=self.tokenizer.pad_id), tf.int32)
        return token_ids, tf.cast(tokens.row_lengths(), tf.int32)

    def _call_model(self, *, token_ids, padding_mask):
        """What the task needs of the model, a tuple of tensors with first dimension B, in backend operations."""
        return (self.model({"token_ids": token_ids, "padding_mask": padding_mask}),)

    def _run_model(self, token_ids, lengths, dtypes=(tf.float32,), positions_more=0, **inputs):
        """Runs `_call_model` on rows of tokens without special tokens, which are added here.

        Args:
            token_ids: int32 [N, S], anything after the end of a row.
            lengths: int32 [N].
            dtypes: Of the results of `_call_model`.
            positions_more: int32 scalar: memory for a row beyond its S + 2 positions, counted in positions.
            inputs: More arguments of `_call_model`, with first dimension N.

        Returns:
            The results. Those by position have S + 2 positions or more; position 0 is [CLS].
        """
        tokenizer = self.tokenizer
        rows, width = tf.shape(token_ids)[0], tf.shape(token_ids)[1] + 2
        begin = tf.fill([rows, 1], tf.constant(tokenizer.bos_id, tf.int32))
        token_ids = tf.concat([begin, token_ids, begin], axis=1)
        places = tf.range(width)[tf.newaxis]
        end = lengths[:, tf.newaxis] + 1
        token_ids = tf.where(places < end, token_ids, tf.where(places == end, tokenizer.eos_id, tokenizer.pad_id))
        inputs = {"token_ids": token_ids, "padding_mask": tf.cast(places <= end, tf.int32), **inputs}
        at_a_time = tf.maximum(_POSITIONS_AT_A_TIME // (width + positions_more), 1)
        call_model = self._functions.compiled(self.model, self._call_model)

        def part(start):
            stop = tf.minimum(start + at_a_time, rows)
            return call_in_backend(
                call_model,
                {name: value[start:stop] for name, value in inputs.items()},
                {"token_ids": tokenizer.pad_id, "padding_mask": 0},
                self.model.max_sequence_length,
            )

        return in_parts(part, rows, at_a_time, dtypes)

    @abc.abstractmethod
    def _task_config(self):
        """JSON-ready settings of the task, which `from_preset` reads."""

    def save(self, directory):
        """Writes the preset; see `zoo.load`.

        Args:
            directory: Where to write; made if needed. An earlier preset in it is replaced.

        Raises:
            UserError: if it cannot be written; an earlier preset then stays as it was.
        """
        save_preset(
            directory,
            task=type(self).__name__,
            task_config=self._task_config(),
            model=self.model,
            assets={
                "tokenizer": self.tokenizer.save,
                "examples.json": functools.partial(save_examples, self.examples),
            },
        )


def decoded(values):
    """The str of each entry of a numpy array of bytes, as nested lists."""
    return [decoded(value) if isinstance(value, np.ndarray) else value.decode("utf-8") for value in values]
