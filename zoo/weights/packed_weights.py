"""Matrices of decoders packed into panels, while a model is traced for an export."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np

from zoo.weights.packed_matrix import PackedMatrix
from zoo.weights.weight_form import ROUNDING, WeightForm

MIN_DECODER_BYTES = 2**24
"""Bytes of a decoder's matrices from which on they are packed: fewer may stay in the caches of a processor."""


class Packing(NamedTuple):
    """Where a layer can hold a packed matrix; layers and models list theirs in a method `packings`.

    Attributes:
        layer, attribute: The layer, and its attribute that holds the `PackedMatrix`, or None where it is not packed.
        variables: The `keras.Variable`s that it replaces.
        make: Makes it.
    """

    layer: Any
    attribute: str
    variables: list
    make: Callable[[], PackedMatrix]


class PackedWeights(WeightForm):
    """Matrices of a decoder in panels of columns, see `PackedMatrix`.

    They hold copies of the current weights. Functions that are traced meanwhile, in any thread, keep reading these
    copies, so nothing else should be traced then. Quantised layers, models without a decoder and small ones stay as
    they are.

    Args:
        min_decoder_bytes: Bytes of the decoder's matrices from which on they are packed; `MIN_DECODER_BYTES` if None.

    Attributes:
        applied: Whether the last `apply` has packed anything.

    Example:
        >>> with PackedWeights().applied_to(model):
        ...     logits, cache = model.decode_step(*arguments)
    """

    score_tolerance: ClassVar[float | None] = ROUNDING

    def __init__(self, min_decoder_bytes: int | None = None):
        self.min_decoder_bytes = min_decoder_bytes
        self.applied = False
        self._before = []

    def apply(self, model: keras.Model) -> keras.Model:
        """Packs what is to be packed; see `WeightForm`."""
        packings = _packings(model)
        least = MIN_DECODER_BYTES if self.min_decoder_bytes is None else self.min_decoder_bytes
        num_weights = sum(int(np.prod(variable.shape)) for each in packings for variable in each.variables)
        self.applied = bool(packings) and num_weights * np.dtype(model.compute_dtype).itemsize >= least
        for each in packings if self.applied else ():
            packed = each.make()
            self._before.append((each.layer, each.attribute, getattr(each.layer, each.attribute)))
            setattr(each.layer, each.attribute, packed)
        return model

    def undo(self, model: keras.Model) -> keras.Model:
        """Removes the packed matrices; the model has kept its own weights."""
        while self._before:
            setattr(*self._before.pop())
        return model

    def variables(self, model: keras.Model) -> list[keras.Variable]:
        """The model's own variables, or packed ones in place of some; see `WeightForm`."""
        variables = {id(variable): variable for variable in model.variables}
        for each in _packings(model):
            packed = getattr(each.layer, each.attribute)
            if packed is not None:
                for variable in each.variables:
                    del variables[id(variable)]
                variables.update({id(variable): variable for variable in packed.variables})
        return list(variables.values())


def _packings(model):
    """Every `Packing` of a model, or of a layer that has none."""
    return list(model.packings()) if hasattr(model, "packings") else []
