"""The fields of a request of OpenAI's API, taken one by one; what is left is refused by name."""

from typing import Any

from export.gateway.api_error import refused

# Fields that say nothing about the answer, and whatever they hold.
_IGNORED = {"user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "service_tier"}
# Fields that are allowed with values that ask for nothing.
_NEUTRAL = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "suffix": ("",),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "store": (False,),
    "stream_options": ({},),
    "verbosity": ("medium",),
}
_KINDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false", list: "a list"}


class RequestFields:
    """What is in the body of a request.

    Args:
        body: dict.
    """

    def __init__(self, body):
        self._left = {name: value for name, value in body.items() if value is not None}

    def take(self, name: str, kind: type, default: Any = None, *, required: bool = False) -> Any:
        """The value of a field, which is then done with.

        Args:
            name: The field's name.
            kind: The type it must be of: str, int, float, bool or list.
            default: What is given for a field that is not there.
            required: Whether it must be there.

        Raises:
            ApiError: for a value of another type, and a missing field that is required.
        """
        if name not in self._left:
            if required:
                raise refused(f"{name} is missing", name)
            return default
        value = self._left.pop(name)
        allowed = (int, float) if kind is float else kind
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise refused(f"{name} must be {_KINDS[kind]}, got {value!r:.60}", name)
        return value

    def pop(self, name):
        """The value of a field of any type, None if it is not there."""
        return self._left.pop(name, None)

    def refuse_the_rest(self):
        """Refuses what has not been taken and would change the answer.

        Raises:
            ApiError: naming the field.
        """
        for name, value in self._left.items():
            if name in _IGNORED:
                continue
            if name not in _NEUTRAL:
                raise refused(f"{name} is not known here", name, "unknown_parameter")
            # 1 == True in Python, not in JSON.
            if not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in _NEUTRAL[name]):
                raise refused(f"{name}={value!r:.60} is not supported here", name, "unsupported_parameter")
