"""What a request asks of a text generator: prompts, limits and controls, as inputs of a served signature."""

import secrets
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from export.gateway.api_error import refused

SEPARATOR = "\x1e"
"""Stands between the texts of an input that holds several, see `zoo.tasks.text_control`."""
SO_FAR, LIMIT = "so_far", "max_new_tokens"
NEEDED_OUTPUTS = ("text", "num_tokens", "token_ids", "finished", "settled_bytes", "prompt_tokens")
_NAMES = {LIMIT: "max_tokens", "min_new_tokens": "min_tokens"}
"""Fields of requests by the control that they set, where the names differ."""
# No field of a request is one of these.
_OWN = {"text", "user", "history", "system", "stop", "seed", SO_FAR, LIMIT}
_PYTHON = {"i": int, "f": float, "O": str}
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class GenerationRequest:
    """One or several prompts and what is asked for all of them.

    Attributes:
        signature: The signature's name.
        rows: list of dict of str by input name.
        controls: Values by control's name; those left out have their defaults.
        limit: Most tokens of an answer.
        names: Fields of the request by the input that they became.
    """

    signature: str
    rows: list
    controls: dict
    limit: int
    names: dict

    def inputs(self, rows, **controls):
        """Arrays by input name for some of the rows."""
        columns = {name: text_array([row[name] for row in rows]) for name in rows[0]}
        for name, value in {**self.controls, LIMIT: self.limit, **controls}.items():
            if isinstance(value, str):
                columns[name] = text_array([value] * len(rows))
            else:
                columns[name] = np.full(len(rows), value, np.float32 if isinstance(value, float) else np.int32)
        return columns


def text_array(texts):
    """Texts as an array [B] of bytes objects."""
    array = np.empty(len(texts), object)
    # A lone surrogate, which JSON can spell and UTF-8 cannot, goes as the bytes that the model reads as U+FFFD.
    array[:] = [text.encode("utf-8", "surrogatepass") for text in texts]
    return array


def generation_request(name, signature, rows, fields, limit_names):
    """Reads limits and controls of a request.

    Args:
        name: The signature's name.
        signature: Its `SignatureDef`.
        rows: list of dict of str by input name.
        fields: `RequestFields`, from which they are taken.
        limit_names: Fields that may hold the most tokens of an answer.

    Returns:
        `GenerationRequest`.

    Raises:
        ApiError: for a value that the model does not take.
    """
    defaults = {key: tf.make_ndarray(value) for key, value in signature.defaults.items()}
    # A model exported by this package takes as many tokens as are its default.
    most = int(defaults[LIMIT].ravel()[0])
    given = {key: fields.take(key, int) for key in limit_names}
    given = {key: value for key, value in given.items() if value is not None}
    for key, value in given.items():
        if not 1 <= value <= most:
            raise refused(f"{key} must be between 1 and {most}, got {value}", key)
    if len(set(given.values())) > 1:
        raise refused(f"{' and '.join(given)} differ; give one of them")
    controls = {}
    stop = fields.pop("stop")
    if stop is not None:
        controls["stop"] = _stop(stop)
    if "seed" in defaults:
        seed = fields.take("seed", int)
        if seed is not None and not -_LARGEST_SEED - 1 <= seed <= _LARGEST_SEED:
            raise refused(f"seed must be an integer of 32 bits, got {seed}", "seed")
        # The protocol's answers differ from time to time unless a seed is given.
        controls["seed"] = secrets.randbelow(_LARGEST_SEED + 1) if seed is None else seed
    names = {control: _NAMES.get(control, control) for control in defaults}
    names.update(dict.fromkeys([LIMIT], next(iter(given), limit_names[0])))
    for control in sorted(set(defaults) - _OWN):
        kind = _PYTHON[defaults[control].dtype.kind]
        value = fields.take(names[control], kind)
        if value is not None:
            if kind is int and not -_LARGEST_SEED - 1 <= value <= _LARGEST_SEED:
                raise refused(f"{names[control]} is too large", names[control])
            controls[control] = kind(value)
    return GenerationRequest(name, rows, controls, next(iter(given.values()), most), names)


def _stop(stop):
    strings = [stop] if isinstance(stop, str) else stop
    if not isinstance(strings, list) or not all(isinstance(each, str) for each in strings):
        raise refused("stop must be a string or a list of strings", "stop")
    for each in strings:
        if not each or SEPARATOR in each:
            raise refused(f"stop: {each!r} cannot be a stop string", "stop")
    # Nothing but a separator asks for no stop strings, not even those of the export.
    return SEPARATOR.join(strings) or SEPARATOR
