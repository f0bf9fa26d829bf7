"""Settings of tasks that search: the search is an object, and its values go by their own names, too."""

import functools
import inspect
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, dataclass_transform

from zoo.errors import UserError
from zoo.generation.search import Search, search_of


@dataclass(frozen=True)
class SearchSettings:
    """What settings with a `search` have in common.

    `Settings(num_beams=2)` is `Settings(search=BeamSearch(num_beams=2))`, `replace(settings, num_beams=2)` changes the
    search, and `settings.num_beams` reads it: so presets keep settings, and so they were written before searches were
    objects.

    Attributes:
        searches: Classes that `search` may be of; the first is meant where only values are given.
    """

    searches: ClassVar[tuple[type[Search], ...]]

    @classmethod
    def search_names(cls):
        """Names of the values of all searches that are allowed."""
        return [field.name for search in cls.searches for field in fields(search)]

    def __getattr__(self, name):
        if name in type(self).search_names():
            return getattr(self.search, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def check_lengths(self, *named):
        """Refuses a setting that is no integer or too small.

        Args:
            named: Pairs of a name and the least value.

        Raises:
            UserError: naming the setting.
        """
        for name, minimum in named:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                raise UserError(f"{name} must be an integer of at least {minimum}, got {value!r}")
        if self.min_new_tokens > self.max_new_tokens:
            raise UserError(
                f"min_new_tokens ({self.min_new_tokens}) must not exceed max_new_tokens ({self.max_new_tokens})"
            )


@dataclass_transform(frozen_default=True)
def search_settings(cls):
    """Makes a frozen dataclass of `SearchSettings`, whose constructor takes the values of a search by name, too."""
    cls = dataclass(frozen=True)(cls)
    init = cls.__init__
    signature = inspect.signature(init)

    @functools.wraps(init)
    def with_search(self, *args, **given):
        values = {name: given.pop(name) for name in cls.search_names() if name in given}
        bound = signature.bind(self, *args, **given)
        search = bound.arguments.get("search", cls.search)
        bound.arguments["search"] = search_of(search, values, cls.searches)
        init(**bound.arguments)

    cls.__init__ = with_search
    return cls


def flat_settings(settings):
    """Settings of a task as JSON keeps them, by name; those of a search are among the others."""
    values = asdict(settings)
    if not isinstance(settings, SearchSettings):
        return values
    search = settings.search
    named = {} if type(search) is settings.searches[0] else {"search": type(search).__name__}
    return {**{name: value for name, value in values.items() if name != "search"}, **asdict(search), **named}
