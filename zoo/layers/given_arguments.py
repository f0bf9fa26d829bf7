"""The arguments of a constructor as a configuration."""

from typing import Any


def given_arguments(scope: dict[str, Any], *left_out: str) -> dict[str, Any]:
    """What `get_config` gives back: the arguments of a constructor by name.

    Args:
        scope: `locals()` of the constructor, before it has variables of its own; `kwargs` are those of a superclass.
        left_out: Further arguments that do not count.

    Example:
        >>> class Layer:
        ...     def __init__(self, width, depth=2, **kwargs):
        ...         self.config = given_arguments(locals())
        >>> Layer(5).config
        {'width': 5, 'depth': 2}
    """
    others = ("self", "kwargs", "__class__", *left_out)
    return {name: value for name, value in scope.items() if name not in others}
