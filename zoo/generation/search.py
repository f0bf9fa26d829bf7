"""Searches as objects: how the next tokens are chosen, with the values that belong to it."""

import abc
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from zoo.errors import UserError
from zoo.generation.control import Control
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.hypotheses import Hypotheses


@dataclass(frozen=True)
class Search(abc.ABC):
    """How a decoder chooses tokens: `Greedy`, `BeamSearch` or `Sampling`, frozen dataclasses.

    Attributes:
        draws: Whether tokens are drawn at random.
    """

    draws: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(
        self,
        step: Callable,
        state: Any,
        start_ids: Any,
        options: DecodeOptions,
        *,
        num_return: int = 1,
        **controls: Any,
    ) -> Hypotheses:
        """Runs the search.

        Args:
            step: `step(token_ids int32 [N], index int32 scalar, state) -> (logits float [N, V], state)`, with N = B
                times `num_sequences`; sequences of a row lie side by side.
            state: Nest of tensors `[N, ...]` that the step function keeps, such as key-value caches; `()` for none.
                Where sequences change places, the search reorders it along axis 0. What is equal for the sequences of
                a row, such as an encoded source, need not be in it.
            start_ids: int32 `[B]`, the first input of every row; for a prompt, its last token.
            options: `DecodeOptions`.
            num_return: How many hypotheses of each row.
            controls: A number, or a tensor `[B]`, for any of `controls`, in place of the search's own value.

        Returns:
            `Hypotheses`: token_ids int32 `[B, num_return, loop_length]`. A row's result depends on that row alone, not
            on the batch or `loop_length`.

        Raises:
            UserError: for an argument out of range, naming it.
        """

    @abc.abstractmethod
    def num_sequences(self, num_return: int) -> int:
        """Sequences of each row that the step function sees, where so many are returned."""

    def controls(self, vocabulary_size: int) -> dict[str, Control]:
        """Options that each row may have a value of its own for, `Control` by name.

        Args:
            vocabulary_size: V of the model.
        """
        return {}


def search_of(search: Any, values: dict[str, Any], searches: tuple[type[Search], ...]) -> Search:
    """The search that values by name ask for, which is how searches were written before they were objects.

    Args:
        search: A `Search`; or the name of its class, or its values by name, as JSON keeps them.
        values: Values for attributes of a search, such as `num_beams=1`. Those that `search` does not have make another
            search of it, which keeps what both have.
        searches: Classes that are allowed.

    Raises:
        UserError: for another search, values that no search has together, and impossible ones.
    """
    if isinstance(search, str):
        search = next((cls() for cls in searches if cls.__name__ == search), search)
    elif isinstance(search, dict):
        search, values = searches[0](), {**search, **values}
    if not isinstance(search, searches):
        raise UserError(f"search must be {' or '.join(cls.__name__ for cls in searches)}, got {search!r}")
    if not values:
        return search
    for cls in (type(search), *searches):
        names = {field.name for field in fields(cls)}
        if values.keys() <= names:
            kept = {field.name: getattr(search, field.name) for field in fields(search) if field.name in names}
            return cls(**{**kept, **values})
    raise UserError(f"no search has all of {', '.join(values)}")
