"""The weights of one model in another of the same structure."""

from typing import Any

from zoo.weights.layers_by_path import layers_by_path


def copy_weights(source: Any, target: Any) -> None:
    """Copies the weights of every layer, low-rank adapters of the source added to the matrices that they adapt.

    Args:
        source: A built `keras.Model`.
        target: A built one of the same structure, of whatever precision.

    Raises:
        ValueError: if the structures differ.
    """
    sources, targets = layers_by_path(source), layers_by_path(target)
    if sources.keys() != targets.keys():
        differing = min(sources.keys() ^ targets.keys())
        raise ValueError(f"only one of the two models has a layer {differing}")
    for path, layer in sources.items():
        # What a layer saves of itself has its adapters merged.
        saved = {}
        layer.save_own_variables(saved)
        targets[path].load_own_variables(saved)
