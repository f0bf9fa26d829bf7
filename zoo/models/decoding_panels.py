"""Models whose decoders read their matrices in panels, while they are traced for an export."""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from zoo.layers.panels import Panels, Projection

SMALLEST_DECODER = 2**24
"""Bytes that a decoder must read in a step for panels to help: less stays in the caches of a processor."""


class _Place(NamedTuple):
    """Where panels can take the place of matrices: an attribute of a layer, what it replaces, and what makes them."""

    layer: Any
    attribute: str
    replaced: list
    make: Callable[[], Panels]


@contextlib.contextmanager
def in_panels(model, smallest_decoder=None):
    """Lets a model read the matrices of its decoder in panels until the context ends.

    Panels hold the weights of the moment. What is traced in the context reads them, also later, so that nothing else
    should be traced there.

    Args:
        model: A built model of `zoo.models`; nothing happens to one without a decoder.
        smallest_decoder: Bytes of the decoder's matrices from which on it is done; `SMALLEST_DECODER` if None.

    Yields:
        Whether it was done.

    Example:
        >>> with in_panels(model):
        ...     logits, cache = model.decode_step(*arguments)
    """
    places = list(_places(model))
    num_bytes = sum(_num_bytes(variable) for place in places for variable in place.replaced)
    if not places or num_bytes < (SMALLEST_DECODER if smallest_decoder is None else smallest_decoder):
        yield False
        return
    try:
        for place in places:
            setattr(place.layer, place.attribute, place.make())
        yield True
    finally:
        for place in places:
            setattr(place.layer, place.attribute, None)


def variables_read(model):
    """The `keras.Variable`s that a trace of a model reads: its own, or panels in their places."""
    variables = {id(variable): variable for variable in model.variables}
    for place in _places(model):
        panels = getattr(place.layer, place.attribute)
        if panels is not None:
            for variable in place.replaced:
                del variables[id(variable)]
            variables.update({id(variable): variable for variable in panels.variables})
    return list(variables.values())


def _places(model):
    """Every `_Place` of a model."""
    blocks = getattr(model, "decoder_blocks", ())
    for block in blocks:
        attention = block.self_attention
        together = (attention.query, attention.key, attention.value)
        yield _projections_place(attention, "joint_panels", together)
        for layer in block._flatten_layers():
            if isinstance(layer, Projection) and layer not in together:
                yield _projections_place(layer, "panels", (layer,))
    if blocks:
        yield _table_place(model.output_embedding)


def _projections_place(layer, attribute, projections):
    replaced = [variable for projection in projections for variable in projection.variables]
    return _Place(layer, attribute, replaced, lambda: Panels.of_projections(*projections))


def _table_place(embedding):
    def make():
        return Panels(ops.convert_to_numpy(embedding.embeddings).T, None, embedding.compute_dtype)

    return _Place(embedding, "panels", [embedding.embeddings], make)


def _num_bytes(variable):
    return int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize
