"""A function of a task that Python calls and exports serve."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SERVING_DEFAULT = "serving_default"
"""The signature of requests that name none."""


@dataclass(frozen=True)
class Signature:
    """A function from texts, and options of each row, to answers.

    Attributes:
        function: From string tensors of shape [B] by input name, and a tensor of shape [B] for each control, to tensors
            by output name, each with first dimension B, as `Task.predict_batch`.
        inputs: Names of the texts.
        outputs: What each output is, one line by name; {} if that is not said anywhere.
        controls: `Control` or `TextControl` by name.
        draws: Whether answers are drawn at random; see `Task.draws`.
        ragged_outputs: Names of outputs whose second dimension depends on the batch, with what fills up their rows; the
            output `count` says how many places of a row are real.
        required: Inputs that must hold more than blanks. `function` fails by their name where they do not.
    """

    function: Callable
    inputs: tuple[str, ...]
    outputs: dict[str, str] = field(default_factory=dict)
    controls: Mapping[str, Any] = field(default_factory=dict)
    draws: bool = False
    ragged_outputs: dict = field(default_factory=dict)
    required: tuple[str, ...] = ()
