"""The keys of a config.json, each taken once and checked, so that none of a wrong kind gets into a model."""

from pathlib import Path
from typing import Any

from zoo.errors import UserError

REQUIRED = object()
"""The default of a key that a configuration cannot leave out."""
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate",
    "gelu_fast": "gelu_approximate",
    "relu": "relu",
    "silu": "swish",
    "swish": "swish",
}
"""transformers' names of activations, several of which stand for one of ours; the first is the one written."""


class ConfigurationKeys:
    """A dictionary whose values are taken key by key, each by what it must be.

    A key that is there with the value null counts as one that is not there, as transformers takes it.

    Attributes:
        content: The dictionary.
        path: What error messages call the file.

    Example:
        >>> ConfigurationKeys({"hidden_size": 64}, "config.json").integer("hidden_size")
        64
    """

    def __init__(self, content: dict[str, Any], path: str | Path):
        """Checks nothing yet.

        Args:
            content: The content of the file.
            path: The file.
        """
        self.content = content
        self.path = Path(path)

    def integer(self, key: str, default: Any = REQUIRED, minimum: int = 1) -> Any:
        """A whole number of at least `minimum`; see `value` for the default."""
        return self._checked(key, default, lambda value: isinstance(value, int) and value >= minimum)

    def optional_integer(self, key: str, default: Any) -> Any:
        """A whole number of at least 1, None where it is null, the default where it is missing."""
        return self.integer(key, None) if key in self.content else default

    def optional_number(self, key: str, default: Any) -> Any:
        """A number, None where it is null, the default where it is missing."""
        return self.number(key, None) if key in self.content else default

    def number(self, key: str, default: Any = REQUIRED, minimum: float = 0.0) -> Any:
        """A number of at least `minimum`; see `value` for the default."""
        return self._checked(key, default, lambda value: isinstance(value, (int, float)) and value >= minimum)

    def integers(self, names: dict[str, str]) -> dict[str, int]:
        """Whole numbers of at least 1 that a configuration cannot leave out.

        Args:
            names: By key the name that its number gets.

        Raises:
            UserError: if any is missing, naming all that are.
        """
        self.require(*names)
        return {ours: self.integer(key) for key, ours in names.items()}

    def flag(self, key: str, default: bool) -> bool:
        """True or false. Null is false, and refused where the default is true, as nobody can mean it."""
        value = self.content.get(key, default)
        value = False if value is None and not default else value
        if not isinstance(value, bool):
            raise self.unsupported(key, "it must be true or false")
        return value

    def activation(self, key: str, default: str) -> str:
        """Our name of the activation that transformers calls by another."""
        name = self.value(key, default)
        if name not in ACTIVATIONS:
            raise self.unsupported(key, f"supported are {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[name]

    def value(self, key: str, default: Any = REQUIRED) -> Any:
        """What the configuration says, whatever it is.

        Args:
            key: The key.
            default: What it stands for where it is missing or null.

        Raises:
            UserError: if it is missing and has no default.
        """
        found = self.content.get(key)
        if found is None:
            if default is REQUIRED:
                self.require(key)
            return default
        return found

    def require(self, *keys: str) -> None:
        """Refuses a configuration without any of some keys, naming all that it lacks."""
        absent = [key for key in keys if self.content.get(key) is None]
        if absent:
            raise UserError(f"{self.path} is damaged: it lacks {', '.join(absent)}; copy it again")

    def only(self, **allowed: Any) -> None:
        """Refuses every other value of keys that change what is computed in ways the zoo does not follow.

        Args:
            allowed: By key the value that changes nothing, or a tuple of such values.
        """
        for key, values in allowed.items():
            values = values if isinstance(values, tuple) else (values,)
            if self.value(key, None) not in (None, *values):
                raise self.unsupported(key, f"it must be {' or '.join(map(repr, values)) or None}")

    def unsupported(self, key: str, advice: str) -> UserError:
        """The error for the value of a key."""
        return UserError(f"{self.path}: {key} {self.content.get(key)!r} is not supported; {advice}")

    def _checked(self, key, default, suits):
        value = self.value(key, default)
        if (value is not default or default is REQUIRED) and (isinstance(value, bool) or not suits(value)):
            raise UserError(f"{self.path}: {key} {value!r} is not supported")
        return value


def activation_name(activation: str) -> str:
    """transformers' name of an activation of ours."""
    return next(theirs for theirs, ours in ACTIVATIONS.items() if ours == activation)
