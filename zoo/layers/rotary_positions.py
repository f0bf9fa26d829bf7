"""Rotary positions, which rotate queries and keys so that their products depend on distances alone."""

import math
from typing import Any, NamedTuple, Self

import keras
import numpy as np
from keras import ops

from zoo.errors import UserError

_SCALINGS = {
    "linear": {"factor": None},
    "llama3": {
        "factor": None,
        "low_frequency_factor": None,
        "high_frequency_factor": None,
        "original_max_length": None,
    },
    "yarn": {"factor": None, "original_max_length": None, "beta_fast": 32.0, "beta_slow": 1.0, "attention_factor": 0.0},
}
"""Keys of each kind of scaling with their defaults; None for those that must be given."""


class Rotation(NamedTuple):
    """Cosines and sines of the angles of some positions, float32 `[..., R / 2]` each."""

    cosines: Any
    sines: Any


@keras.saving.register_keras_serializable(package="zoo")
class RotaryPositions:
    """Rotary position embeddings, for `Attention`.

    Entry i of the first half of the R rotated entries of a head is rotated together with entry i of the second half,
    by an angle of the position times `base ** (-2 i / R)`.

    Args:
        dim: R, how many entries of a head are rotated, from the first; even. Fewer than the head has in some models.
        base: Of the frequencies.
        scaling: None, or how the frequencies are changed for sequences longer than those first trained on: a dict of
            `kind` and the numbers of that kind.
            "linear": all are divided by `factor` (Chen et al. 2023, https://arxiv.org/abs/2306.15595).
            "llama3": those with waves longer than `original_max_length / low_frequency_factor` are divided by
            `factor`, those with waves shorter than `original_max_length / high_frequency_factor` stay, others are in
            between.
            "yarn": `factor`, `original_max_length`, and optionally `beta_fast`, `beta_slow` and `attention_factor`, 0
            for the published one (Peng et al. 2023, https://arxiv.org/abs/2309.00071).

    Raises:
        UserError: for an odd `dim`, and for an unknown kind or number of a scaling.

    Source: Su et al. 2021, https://arxiv.org/abs/2104.09864, in the half-and-half order of Llama.

    Example:
        >>> positions = RotaryPositions(dim=8)
        >>> positions.rotate(keras.random.normal((2, 5, 4, 16)), positions.rotation(ops.arange(5))).shape
        (2, 5, 4, 16)
    """

    def __init__(self, dim: int, base: float = 10000.0, scaling: dict[str, Any] | None = None):
        if dim < 2 or dim % 2:
            raise UserError(f"the rotated dimension must be even and at least 2, got {dim}")
        self.dim = dim
        self.base = base
        self.scaling = None if scaling is None else _checked_scaling(scaling)
        self.frequencies, self.magnitude = _frequencies(dim, base, self.scaling)

    def rotation(self, positions: Any) -> Rotation:
        """The `Rotation` `[..., R / 2]` of int32 positions `[...]`."""
        angles = ops.expand_dims(ops.cast(positions, "float32"), -1) * ops.convert_to_tensor(self.frequencies)
        cosines, sines = ops.cos(angles), ops.sin(angles)
        if self.magnitude == 1.0:
            return Rotation(cosines, sines)
        return Rotation(cosines * self.magnitude, sines * self.magnitude)

    def rotate(self, x: Any, rotation: Any) -> Any:
        """Queries or keys `[..., H, K]`, rotated by a `Rotation` whose shape broadcasts to that before H."""
        cosines, sines = (ops.expand_dims(ops.cast(each, x.dtype), -2) for each in rotation)
        half = self.dim // 2
        first, second = x[..., :half], x[..., half : self.dim]
        turned = [first * cosines - second * sines, second * cosines + first * sines]
        if x.shape[-1] > self.dim:
            turned.append(x[..., self.dim :])
        return ops.concatenate(turned, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dim": self.dim, "base": self.base, "scaling": self.scaling}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The positions of a configuration."""
        return cls(**config)

    def __eq__(self, other):
        return isinstance(other, RotaryPositions) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((self.dim, self.base))


def _checked_scaling(scaling):
    numbers = dict(scaling)
    kind = numbers.pop("kind", None)
    if kind not in _SCALINGS:
        raise UserError(f"scaling of rotary positions must be one of {', '.join(_SCALINGS)}, got {kind!r}")
    known = _SCALINGS[kind]
    missing = [name for name, default in known.items() if default is None and name not in numbers]
    unknown = sorted(numbers.keys() - known.keys())
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has no {', '.join(unknown)}"
        raise UserError(f"scaling {kind!r} of rotary positions {what}")
    return {"kind": kind, **known, **numbers}


def _frequencies(dim, base, scaling):
    """float32 `[dim / 2]`, and the factor of cosines and sines."""
    powers = np.float32(base) ** (np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim))
    frequencies = np.float32(1) / powers
    if scaling is None:
        return frequencies, 1.0
    factor = np.float32(scaling["factor"])
    if scaling["kind"] == "linear":
        return frequencies / factor, 1.0
    if scaling["kind"] == "llama3":
        return _by_wave_length(frequencies, factor, scaling), 1.0
    return _yarn(frequencies, factor, scaling, base), _yarn_magnitude(scaling)


def _by_wave_length(frequencies, factor, scaling):
    low, high = scaling["low_frequency_factor"], scaling["high_frequency_factor"]
    length = scaling["original_max_length"]
    waves = np.float32(2 * math.pi) / frequencies
    share = ((length / waves - low) / (high - low)).astype("float32")
    between = (1 - share) * frequencies / factor + share * frequencies
    return np.where(
        waves > length / low, frequencies / factor, np.where(waves < length / high, frequencies, between)
    ).astype("float32")


def _yarn(frequencies, factor, scaling, base):
    """Frequencies with many rotations within the original length stay, those with hardly any are divided."""
    dim = 2 * len(frequencies)

    def entry(turns):
        return dim * math.log(scaling["original_max_length"] / (turns * 2 * math.pi)) / (2 * math.log(base))

    first, last = max(math.floor(entry(scaling["beta_fast"])), 0), min(math.ceil(entry(scaling["beta_slow"])), dim - 1)
    ramp = (np.arange(dim // 2, dtype=np.float32) - first) / np.float32(max(last - first, 0.001))
    divided = np.clip(ramp, 0, 1).astype("float32")
    return frequencies / factor * divided + frequencies * (1 - divided)


def _yarn_magnitude(scaling):
    given, factor = scaling["attention_factor"], scaling["factor"]
    return float(given) if given else (0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0)


def shared_rotations(attentions, positions):
    """The rotations that attention layers need at some positions, each computed once for all that share it.

    Args:
        attentions: `Attention` layers.
        positions: int32 `[...]`.

    Returns:
        list of a `Rotation` for each layer, None for one without rotary positions.
    """
    kinds = {layer.positions for layer in attentions} - {None}
    rotations = {kind: kind.rotation(positions) for kind in kinds}
    return [rotations.get(layer.positions) for layer in attentions]
