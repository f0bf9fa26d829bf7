"""Searches as objects: how the next tokens are chosen, with the values that belong to it."""

import abc
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from zoo.errors import UserError


@dataclass(frozen=True)
class Search(abc.ABC):
    """How a decoder chooses tokens: `Greedy`, `BeamSearch` or `Sampling`, frozen dataclasses.

    Attributes:
        draws: Whether tokens are drawn at random.
    """

    draws: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(self, step, state, start_ids, *, num_return=1, **options):
        """Runs the search.

        Args:
            step, state, start_ids: As of `beam_search`.
            num_return: Python int, hypotheses of each row.
            options: A tensor [B] for any of `controls`, which stands for the search's own value; and what the searches
                have in common: `eos_id`, `pad_id`, `max_new_tokens`, `min_new_tokens`, `loop_length`,
                `no_repeat_ngram_size`, `token_rules`, `context_token_ids` and `context_mask`.

        Returns:
            `Hypotheses`.
        """

    @abc.abstractmethod
    def num_sequences(self, num_return):
        """Sequences of each row that the step function sees, where so many are returned."""

    def controls(self, vocabulary_size):
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
