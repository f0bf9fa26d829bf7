"""What every task is: a model, its tokenizers and one text-in, result-out function for Python and for exports."""

import abc
import functools
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import tensorflow as tf

from zoo.checkpoints.preset import save_preset
from zoo.errors import UserError
from zoo.tasks.controls import check_controls, with_a_row
from zoo.tasks.examples import save_examples
from zoo.tasks.inference import call_in_backend
from zoo.tasks.inference_functions import InferenceFunctions
from zoo.tasks.required_texts import check_not_blank, with_checks
from zoo.tasks.row_parts import in_parts
from zoo.tasks.search_settings import SearchSettings, flat_settings
from zoo.tasks.signature import SERVING_DEFAULT, Signature
from zoo.tasks.text_batches import map_in_batches, read_texts
from zoo.tokenizers import Tokenizer

_NOTHING: Mapping = MappingProxyType({})


class Task(abc.ABC):
    """Texts in, results out: `task(["A man rides a horse."])`.

    Subclasses are `Translator`, `EntityRecognizer` and so on. One says what texts it takes (`inputs`) and gives
    (`outputs`), and has three steps: `encode` makes tensors of texts, `compute` runs the model on them in operations of
    the Keras backend, and `decode` makes results of what that gives. This class joins them into `predict_batch`, traces
    that into a graph where the backend is TensorFlow, answers lists of any length in batches of similar length, and
    saves and loads presets. Exports wrap `predict_batch` as it is, so a served answer is the answer of Python.

    Args:
        model: The plain `keras.Model`; built if it is not.
        tokenizer: The tokenizer of the input texts.
        settings: A frozen dataclass: how the task reads and decodes.
        examples: Inputs to verify exports with, saved in the preset: a str each, or where the task has several inputs
            a dict of str by input name.

    Attributes:
        inputs: Names of the texts, in the order in which a call takes them.
        required: Those that must hold more than blanks; a task has some answer to an empty text else.
        outputs: What each output of `predict_batch` is, one line by name; the first is the answer in a word.
        settings_class: The class of the settings.
        saved: Names of further arguments of the constructor, which presets keep as JSON: attributes of the task, too.
        description: What a progress bar says.
        default_batch_size: Rows of a batch, if a call names no other number.
        computed: Dtypes of what `compute` gives.
        controls: `Control` or `TextControl` by name, the per-row options of `predict_batch`.
        controls_signature: What exports call the signature that takes the controls.
        further_signatures: `Signature` by name, which exports serve as well.
        not_served: What exports say of signatures that the task cannot have, a line each.
        draws: Whether answers are drawn at random, by a seed that is part of the input: rounding, which depends on the
            shape of a batch, then decides a draw now and then.
        rounded_outputs: Outputs of `predict_batch` that are integers between two of which rounding, which depends on
            the shape of a batch, decides now and then.
        ragged_outputs: As of a `Signature`, for what `predict_batch` gives.
        ragged_items: What their places hold, such as "entities" or "blanks"; "" if there are no such outputs.
        max_source_length: Input tokens beyond this count are cut off, or read in further windows.
    """

    inputs: ClassVar[tuple[str, ...]] = ("text",)
    required: ClassVar[tuple[str, ...]] = ()
    outputs: Mapping[str, str] = _NOTHING
    settings_class: ClassVar[type]
    saved: ClassVar[tuple[str, ...]] = ()
    description: ClassVar[str] = "predicting"
    default_batch_size: ClassVar[int] = 32
    computed: ClassVar[tuple] = (tf.float32,)
    controls: Mapping[str, Any] = _NOTHING
    controls_signature: str = "generate"
    further_signatures: Mapping[str, Signature] = _NOTHING
    not_served: tuple[str, ...] = ()
    draws: bool = False
    rounded_outputs: tuple[str, ...] = ()
    ragged_outputs: Mapping[str, Any] = _NOTHING
    ragged_items: ClassVar[str] = ""
    max_source_length: int

    def __init__(self, model: Any, tokenizer: Tokenizer, settings: Any = None, examples: Any = ()):
        if not model.built:
            model.build()
        self.model = model
        self.tokenizer = tokenizer
        self.settings: Any = settings or self.settings_class()
        self.examples = list(examples)
        self._functions = InferenceFunctions()

    def encode(self, **given: Any) -> Any:
        """What the model reads of one batch.

        Args:
            given: A string tensor of shape [B] for every input, B at least 1; a tensor of shape [B] for every control;
                and the options of `answer_batch`.

        Returns:
            `Encoded`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no encode")

    def compute(self, **given: Any) -> Any:
        """Runs the model, in operations of the Keras backend.

        Args:
            given: The tensors and options of an `Encoded`, and the options of `answer_batch`.

        Returns:
            A tuple of tensors with first dimension N, of the dtypes `computed`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compute")

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Answers of what the model gave.

        Args:
            results: What `compute` returns, TensorFlow's tensors.
            kept: What `encode` has kept, and the controls, by name.

        Returns:
            Tensors by output name, each with first dimension B.
        """
        raise NotImplementedError(f"{type(self).__name__} has no decode")

    def predict_batch(self, *texts: Any, **given: Any) -> dict[str, Any]:
        """Results for one batch of texts.

        Args:
            texts: For every input a string tensor of shape [B]; or by name.
            given: For any name in `controls`, a tensor of shape [B]; defaults fill in the rest.

        Returns:
            Tensors by output name, each with first dimension B. Strings are valid UTF-8.

        Raises:
            tensorflow.errors.InvalidArgumentError: for a control outside its bounds and a required text that is blank;
                the message names it.
        """
        return self.answer_batch({**dict(zip(self.inputs, texts, strict=False)), **given})

    def answer_batch(self, given: Any, **options: Any) -> dict[str, Any]:
        """`encode`, `compute` and `decode` of one batch.

        Args:
            given: Texts and controls by name, as of `predict_batch`.
            options: Python values for `encode` and `compute`.

        Returns:
            As of `decode`.
        """
        texts = with_checks(self.required, {name: given[name] for name in self.inputs})
        controls = {name: value for name, value in given.items() if name not in texts}
        texts, controls, rows = with_a_row(self.controls, texts, controls)
        # Settings may hold what has no hash.
        key = ("answers", repr(self.settings), *options.items())
        answers = self._functions.traced(self.model, key, functools.partial(self._answering, options))
        return {name: value[:rows] for name, value in answers(texts, controls).items()}

    def _answering(self, options):
        """The three steps as one function of texts and controls, and the specs of these.

        Calls, signatures and checks of exports all hold a call of the one trace, which takes seconds to make.
        """

        def answers(texts, controls):
            encoded = self.encode(**texts, **controls, **options)
            return self.decode(self.run(self.compute, encoded, **options), {**controls, **encoded.kept})

        texts = {name: tf.TensorSpec([None], tf.string) for name in self.inputs}
        return answers, texts, {name: tf.TensorSpec([None], spec.dtype) for name, spec in self.controls.items()}

    def run(self, function: Any, encoded: Any, dtypes: Any = None, **options: Any) -> Any:
        """Runs a method of backend operations, such as `compute`, for TensorFlow within the graph at hand.

        Args:
            function: A method that takes the tensors and options by name and returns a tuple of tensors.
            encoded: `Encoded`.
            dtypes: Of the results; `computed` if None.
            options: More Python values.

        Returns:
            The tuple, TensorFlow's tensors.
        """
        options = {**encoded.options, **options}
        call = functools.partial(
            call_in_backend,
            self._functions.compiled(self.model, function, tuple(options)),
            padding=encoded.padding,
            largest_length=encoded.longest,
            **options,
        )
        if encoded.rows_at_a_time is None:
            return call(encoded.tensors)
        rows = tf.shape(next(iter(encoded.tensors.values())))[0]

        def part(start):
            stop = tf.minimum(start + encoded.rows_at_a_time, rows)
            return call({name: value[start:stop] for name, value in encoded.tensors.items()})

        return in_parts(part, rows, encoded.rows_at_a_time, dtypes or self.computed)

    def unpack(self, outputs: Any) -> Any:
        """Results as Python gives them, one for each row.

        Args:
            outputs: numpy arrays by name, as `predict_batch` and served models give them; strings are bytes objects.

        Returns:
            A list with a dict of each row; where a row has any number of items, with a list of dicts.
        """
        names = self.ragged_outputs or outputs
        columns = {name: plain(outputs[name]) for name in names}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if not self.ragged_outputs:
            return rows
        return [
            [{name: values[place] for name, values in row.items()} for place in range(count)]
            for row, count in zip(rows, outputs["count"], strict=True)
        ]

    def __call__(self, *texts: Any, batch_size: int | None = None, progress: bool = False, **options: Any) -> Any:
        """Results for texts, batched by length, in the order given.

        Args:
            texts: For every input a str, or a list of str or bytes of any length; or by name.
            batch_size: Rows in a batch, at most; `default_batch_size` if None.
            progress: Whether to show a progress bar.
            options: A number or text for any of `controls`.

        Returns:
            One result, or a list of results in the order of the texts; see `unpack`.

        Raises:
            UserError: if an input is not str or bytes, or one that is required is blank, and for options unknown or out
                of bounds, naming them.
        """
        signature = Signature(self.predict_batch, self.inputs, controls=self.controls, required=self.required)
        return self.answer("predict", signature, texts, options, batch_size=batch_size, progress=progress)

    def answer(
        self,
        key: Any,
        signature: Any,
        texts: Any,
        options: Mapping = _NOTHING,
        *,
        unpack: Any = None,
        batch_size: int | None = None,
        progress: bool = False,
    ) -> Any:
        """Answers of a signature to lists of any length: batched by length, traced once for each key.

        Args:
            key: Hashable; tells the signature from others that the task answers with.
            signature: `Signature`.
            texts: For every input of it a str, or a list of str or bytes.
            options: By name a number or text for any of its controls, and inputs that are not among `texts`.
            unpack: From numpy arrays by output name to a list of results; `Task.unpack` if None.
            batch_size, progress: As of a call.

        Returns:
            One result, or a list of results in the order of the texts.

        Raises:
            UserError: as of a call.
        """
        columns, single, options = read_texts(signature.inputs, texts, options)
        check_not_blank(signature.required, signature.inputs, columns)
        controls = check_controls(signature.controls, options)
        call = self._functions.traced(self.model, key, functools.partial(_positional, signature))
        unpack = unpack or self.unpack

        def answers(batch):
            found = call([tf.constant(column, tf.string) for column in batch], controls)
            return unpack({name: value.numpy() for name, value in found.items()})

        results = map_in_batches(
            answers,
            columns,
            batch_size=self.default_batch_size if batch_size is None else batch_size,
            progress=progress,
            description=self.description,
        )
        return results[0] if single else results

    @property
    def signatures(self) -> dict[str, Any]:
        """What exports serve: `Signature` by name, with `serving_default` first."""
        plain = Signature(
            self.predict_batch,
            self.inputs,
            dict(self.outputs),
            draws=self.draws,
            ragged_outputs=dict(self.ragged_outputs),
            required=self.required,
        )
        found = {SERVING_DEFAULT: plain}
        if self.controls:
            found[self.controls_signature] = replace(plain, controls=dict(self.controls))
        return {**found, **self.further_signatures}

    def records(self, *texts: Any, **options: Any) -> Any:
        """What a call gives, as a dict for each row, such as a line of JSON Lines holds.

        Args:
            texts: For every input a list of str.
            options: As of a call.
        """
        answers = self(*texts, **options)
        return [{self.ragged_items: answer} for answer in answers] if self.ragged_items else answers

    def with_settings(self, **changes: Any) -> "Task":
        """The same model as a task of other settings.

        Args:
            changes: Values for attributes of `settings`, such as `search=BeamSearch(num_beams=8)`; those of its search
                also by their own names, such as `num_beams=8`.

        Raises:
            UserError: for a name that is no setting of the task, and an impossible value.

        Example:
            >>> greedy = zoo.load("runs/translation").with_settings(num_beams=1)
        """
        values = self.settings.search_names() if isinstance(self.settings, SearchSettings) else []
        known = [*values, *(field.name for field in fields(self.settings))]
        for name in changes:
            if name not in known:
                raise UserError(f"{type(self).__name__} has no setting {name!r}; its settings are {', '.join(known)}")
        try:
            settings = replace(self.settings, **changes)
        except TypeError as error:
            shown = ", ".join(f"{name}={value!r}" for name, value in changes.items())
            raise UserError(f"impossible settings {shown}: {error}") from error
        return self._of_settings(settings)

    @property
    def tokenizers(self) -> dict[str, Any]:
        """The tokenizers by the names that the constructor and presets have for them."""
        return {"tokenizer": self.tokenizer}

    def _saved(self):
        return {name: getattr(self, name) for name in self.saved}

    def _of_settings(self, settings):
        """The task again, with these settings."""
        return type(self)(self.model, **self.tokenizers, **self._saved(), settings=settings, examples=self.examples)

    def _task_config(self):
        """JSON-ready settings of the task, which `from_preset` reads."""
        return {"settings": flat_settings(self.settings), **self._saved()}

    def save(self, directory: str | Path) -> None:
        """Writes the preset: config.json, model.weights.h5 and tokenizer files; see `zoo.load`.

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
                **{name: tokenizer.save for name, tokenizer in self.tokenizers.items()},
                # Written even if there are none, so that those of an earlier preset are gone.
                "examples.json": functools.partial(save_examples, self.examples),
            },
        )

    @classmethod
    def from_preset(cls, preset: Any, load_tokenizer: Any, examples: Any) -> Self:
        """The task of a `zoo.checkpoints.Preset`; used by `zoo.load`."""
        config = preset.task_config
        return cls(
            preset.model,
            load_tokenizer(preset.directory / "tokenizer"),
            # Presets of earlier versions lack what came later.
            **{name: config[name] for name in cls.saved if name in config},
            settings=cls.settings_class(**config["settings"]),
            examples=examples,
        )


def _positional(signature):
    """The function of a signature as one of a list of texts and a dict of controls; and the specs of these."""

    def call(texts, controls):
        return signature.function(**dict(zip(signature.inputs, texts, strict=True)), **controls)

    texts = [tf.TensorSpec([None], tf.string) for _ in signature.inputs]
    return call, texts, {name: tf.TensorSpec([], control.dtype) for name, control in signature.controls.items()}


def plain(values):
    """A numpy array as nested lists of Python's own values, str for bytes."""
    return decoded(values) if values.dtype == object else values.tolist()


def decoded(values):
    """The str of each entry of a numpy array of bytes, as nested lists."""
    return [decoded(value) if isinstance(value, np.ndarray) else value.decode("utf-8") for value in values]
