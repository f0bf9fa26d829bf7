"""Task classes by the name that presets store."""

from typing import Any

from zoo.errors import UserError

_TASKS = {}


def register_task(cls: Any) -> Any:
    """Makes `zoo.load` read presets of a task class; a decorator.

    Args:
        cls: A `zoo.tasks.Task`. Its module must be imported before a preset is loaded.

    Raises:
        UserError: if another class of that name is registered.

    Example:
        >>> @register_task
        ... class TextEmbedder(EncoderTask): ...
    """
    known = _TASKS.setdefault(cls.__name__, cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise UserError(f"there is a task {cls.__name__!r} already, in {known.__module__}; choose another name")
    _TASKS[cls.__name__] = cls
    return cls


def task_class(name):
    """The registered class of a name, or None."""
    return _TASKS.get(name)
