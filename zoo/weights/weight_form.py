"""What it means to hold the weights of a model in another form than its layers make them in."""

import abc
import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import keras

from zoo.errors import UserError

ROUNDING = 1e-4
"""Largest difference of scores, as a share of scores above 1, that comes of adding up in another order."""


class WeightForm(abc.ABC):
    """A form of weights: how a model gets into it and out again, what it then reads, and what of it is saved.

    Attributes:
        score_tolerance: How much the scores of answers may differ from those without the form, as a share of scores
            above 1; None where the form changes the weights, so that an export of such a model is compared with the
            same model in Python.
    """

    score_tolerance: ClassVar[float | None] = None

    @abc.abstractmethod
    def apply(self, model: keras.Model) -> keras.Model:
        """The built model in this form: the same one, changed, or a copy."""

    def undo(self, model: keras.Model) -> keras.Model:
        """The model as it was before `apply`.

        Raises:
            UserError: if the form has not kept what the weights were.
        """
        raise UserError(f"{type(self).__name__} does not keep what the weights were: load the model again")

    def variables(self, model: keras.Model) -> list[keras.Variable]:
        """The variables that a trace of the model reads."""
        return list(model.variables)

    def saved(self, model: keras.Model) -> dict[str, Any]:
        """What presets and `.keras` files must say, beside arrays, for the model to be built in this form; JSON-ready.

        Empty if there is nothing to say: the weights are then saved as those of any other model.
        """
        return {}

    @contextlib.contextmanager
    def applied_to(self, model: keras.Model) -> Iterator[keras.Model]:
        """The model in this form until the context ends."""
        try:
            yield self.apply(model)
        finally:
            self.undo(model)
