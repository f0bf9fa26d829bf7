"""What every task is: a model, its tokenizers and one text-in, result-out function for Python and for exports."""

import abc
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from zoo.errors import UserError


@dataclass(frozen=True)
class Control:
    """One per-row option of a task's results, such as `length_penalty`.

    Attributes:
        dtype: "int32", "int64" or "float32".
        default: The value used where the caller gives none.
        minimum, maximum: Inclusive bounds; a value outside is refused with the control's name.
        description: One line for signatures and generated documentation.
    """

    dtype: str
    default: int | float
    minimum: int | float
    maximum: int | float
    description: str


@dataclass(frozen=True)
class TextControl:
    """One per-row option of a task's results that is a text, such as the stop strings of a generator.

    Attributes:
        default: The value used where the caller gives none.
        most_bytes: Of UTF-8; a longer value is refused with the control's name.
        description: One line for signatures and generated documentation.
        trials: Values that exports are verified with.
    """

    dtype: ClassVar[str] = "string"
    default: str
    most_bytes: int
    description: str
    trials: tuple[str, ...]


@dataclass(frozen=True)
class TextSignature:
    """A further function of a task that exports serve beside `serving_default`, such as the score of a continuation.

    Attributes:
        function: From string tensors of shape [B], by input name, to tensors by output name, each with first dimension
            B, as `Task.predict_batch`.
        inputs: Names of the inputs; the first is "text".
    """

    function: Callable
    inputs: tuple[str, ...]


class Task(abc.ABC):
    """A text-in, result-out callable: `task(["A man rides a horse."])`.

    Subclasses are `Translator`, `EntityRecognizer` and so on. Under the TensorFlow backend `predict_batch` can be
    traced into a graph: exports wrap that very function, so a served answer is the answer of Python.

    Attributes:
        model: The plain `keras.Model`.
        tokenizer: The tokenizer of the input text.
        settings: A frozen dataclass: how the task reads and decodes.
        controls: `Control` or `TextControl` by name, the per-row options of `predict_batch`.
        controls_signature: What exports call the signature that takes the controls.
        further_signatures: `TextSignature` by name, which exports serve as well.
        draws: Whether answers are drawn at random, by a seed that is part of the input: rounding, which depends on the
            shape of a batch, then decides a draw now and then.
        ragged_outputs: Names of outputs whose second dimension depends on the batch, with what fills up their rows; the
            output `count` says how many places of a row are real.
        ragged_items: What their places hold, "entities" or "blanks"; "" if there are no such outputs.
        max_source_length: Input tokens beyond this count are cut off, or read in further windows.
    """

    model: Any
    tokenizer: Any
    settings: Any
    controls: dict[str, Control | TextControl]
    controls_signature: str = "generate"
    further_signatures: ClassVar[dict[str, TextSignature]] = {}
    draws: bool = False
    ragged_outputs: ClassVar[dict] = {}
    ragged_items: ClassVar[str] = ""
    max_source_length: int

    @abc.abstractmethod
    def predict_batch(self, text, **controls) -> dict:
        """Results for one batch of texts.

        Args:
            text: string tensor of shape [B].
            controls: for any name in `self.controls`, a tensor of shape [B]; defaults fill in the rest.

        Returns:
            Tensors by output name, each with first dimension B. Strings are valid UTF-8.

        Raises:
            tensorflow.errors.InvalidArgumentError: for a control outside its bounds; the message names it.
        """

    @abc.abstractmethod
    def unpack(self, outputs) -> list:
        """Results as Python gives them, one for each text.

        Args:
            outputs: numpy arrays by name, as `predict_batch` and served models give them; strings are bytes objects.
        """

    @abc.abstractmethod
    def __call__(self, texts, **options):
        """Results for a str or a list of any length, batched by length, in the order given."""

    def with_settings(self, **changes) -> "Task":
        """The same model as a task of other settings.

        Args:
            changes: Values for attributes of `settings`, such as `num_beams=1`.

        Raises:
            UserError: for a name that is no setting of the task, and an impossible value.

        Example:
            >>> greedy = zoo.load("runs/translation").with_settings(num_beams=1)
        """
        known = [field.name for field in fields(self.settings)]
        for name in changes:
            if name not in known:
                raise UserError(f"{type(self).__name__} has no setting {name!r}; its settings are {', '.join(known)}")
        try:
            settings = replace(self.settings, **changes)
        except TypeError as error:
            shown = ", ".join(f"{name}={value!r}" for name, value in changes.items())
            raise UserError(f"impossible settings {shown}: {error}") from error
        return self._of_settings(settings)

    @abc.abstractmethod
    def _of_settings(self, settings):
        """The task again, with these settings."""

    @abc.abstractmethod
    def save(self, directory):
        """Writes the preset: config.json, model.weights.h5 and tokenizer files. Atomic."""
