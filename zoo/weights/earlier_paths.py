"""Where earlier versions kept weights that this one keeps elsewhere.

Saved weights are found by the attributes that lead to them. Files of earlier versions are read as they are: where one
has nothing at a path, the paths that earlier versions had for it are tried.
"""

import itertools
import re
from typing import Any

import keras

# Parts of paths, and what earlier versions had in their place; "" where they had nothing. Blocks in lists go by the
# names of their classes; T5's blocks had the projections of their feed-forward networks themselves, and the one with
# the activation was called "expand" whether there was a gate or not.
_EARLIER = {
    "transformer_block": (
        "transformer_encoder_block",
        "transformer_decoder_block",
        "transformer_causal_block",
        "t5_block",
    ),
    "feed_forward": ("",),
    "gate_projection": ("expand",),
    "up_projection": ("gate", "expand"),
    "down_projection": ("contract",),
}


def earlier_paths(path):
    """Yields a path and then those that earlier versions may have had for it, the likeliest first.

    Args:
        path: Attributes, and places or names of classes in lists, such as
            "decoder_blocks/transformer_block_1/feed_forward/up_projection".
    """
    choices = []
    for part in path.split("/"):
        name, number = re.fullmatch(r"(.*?)((?:_\d+)?)", part).groups()
        choices.append([part, *(earlier + number if earlier else "" for earlier in _EARLIER.get(name, ()))])
    for parts in itertools.product(*choices):
        yield "/".join(part for part in parts if part)


def with_present_paths(by_path, present):
    """Saved values under the paths of this version.

    Args:
        by_path: dict by path of this version or an earlier one.
        present: The paths of this version, in order.

    Returns:
        dict of the same values; a value without a path in this version keeps its own.
    """
    remaining = dict(by_path)
    found = {}
    for path in present:
        saved = next((each for each in earlier_paths(path) if each in remaining), None)
        if saved is not None:
            found[path] = remaining.pop(saved)
    return {**found, **remaining}


class ReadsEarlierPaths(keras.layers.Layer):
    """Mixin of models and layers that find their weights in files of earlier versions too."""

    def load_own_variables(self, store: Any) -> None:
        """Reads the layer's own variables; Keras then reads those of the layers inside from the same store."""
        _find_earlier_paths(store)
        super().load_own_variables(store)


def _find_earlier_paths(store):
    """Makes a Keras store that reads a file, and is not a plain dict of arrays, try earlier paths as well."""
    if not hasattr(store, "has_path") or "get" in vars(store):
        return
    get = store.get

    def get_at_any(path):
        return get(next((each for each in earlier_paths(path) if store.has_path(f"{each}/vars")), path))

    store.get = get_at_any
