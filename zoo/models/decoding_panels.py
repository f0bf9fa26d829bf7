"""Models whose decoders read their matrices in panels, while they are traced for an export."""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from zoo.layers import Projection
from zoo.layers.panels import Panels

MIN_DECODER_BYTES = 2**24
"""Bytes of a decoder's matrices from which on panels are used: fewer may stay in the caches of a processor."""


class _Replacement(NamedTuple):
    """An attribute of a layer that may hold panels, the variables they replace, and what makes them."""

    layer: Any
    attribute: str
    variables: list
    make: Callable[[], Panels]


@contextlib.contextmanager
def in_panels(model, min_decoder_bytes=None):
    """Lets a model read the matrices of its decoder in panels until the context ends.

    Panels hold the weights of the moment. What is traced in the context, in whatever thread, reads them, also later, so
    that nothing else should be traced there.

    Args:
        model: A built model of `zoo.models`; nothing happens to one without a decoder, and to quantised layers.
        min_decoder_bytes: Bytes of the decoder's matrices from which on it is done; `MIN_DECODER_BYTES` if None.

    Yields:
        Whether it was done.

    Example:
        >>> with in_panels(model):
        ...     logits, cache = model.decode_step(*arguments)
    """
    min_decoder_bytes = MIN_DECODER_BYTES if min_decoder_bytes is None else min_decoder_bytes
    replacements = list(_replacements(model))
    num_weights = sum(int(np.prod(variable.shape)) for each in replacements for variable in each.variables)
    if not replacements or num_weights * np.dtype(model.compute_dtype).itemsize < min_decoder_bytes:
        yield False
        return
    before = [getattr(each.layer, each.attribute) for each in replacements]
    try:
        for each in replacements:
            setattr(each.layer, each.attribute, each.make())
        yield True
    finally:
        for each, panels in zip(replacements, before, strict=True):
            setattr(each.layer, each.attribute, panels)


def variables_read(model):
    """The `keras.Variable`s that a trace of a model reads: its own, or panels in place of some."""
    variables = {id(variable): variable for variable in model.variables}
    for each in _replacements(model):
        panels = getattr(each.layer, each.attribute)
        if panels is not None:
            for variable in each.variables:
                del variables[id(variable)]
            variables.update({id(variable): variable for variable in panels.variables})
    return list(variables.values())


def _replacements(model):
    """Every `_Replacement` that a model allows."""
    blocks = getattr(model, "decoder_blocks", ())
    for block in blocks:
        attention = block.self_attention
        together = (attention.query, attention.key, attention.value)
        if not any(map(_is_quantized, together)):
            yield _of_projections(attention, "joint_panels", together)
        for layer in block._flatten_layers():
            if isinstance(layer, Projection) and layer not in together and not _is_quantized(layer):
                yield _of_projections(layer, "panels", (layer,))
    if blocks:
        yield _of_table(model.output_embedding)


def _is_quantized(layer):
    return layer.quantization_mode is not None


def _of_projections(layer, attribute, projections):
    variables = [variable for projection in projections for variable in projection.variables]
    return _Replacement(layer, attribute, variables, lambda: Panels.of_projections(*projections))


def _of_table(embedding):
    def make():
        return Panels(ops.convert_to_numpy(embedding.embeddings).T, None, embedding.compute_dtype)

    return _Replacement(embedding, "panels", [embedding.embeddings], make)
