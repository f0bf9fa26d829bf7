"""Adapters: small layers beside the matrices of a pretrained model, which are trained in place of these."""

# Layers and models come after Keras, see `zoo`, and need modules from here: so Keras comes first.
import keras  # noqa: F401

from zoo.adapters.adapted_projections import (
    TARGETS,
    AdaptedProjections,
    adapters_of,
    drop_adapters,
    fold_adapters,
    projections_of_blocks,
    restore_adapters,
    saved_adapters,
)
from zoo.adapters.adapter import Adapter
from zoo.adapters.bottleneck import Bottleneck
from zoo.adapters.low_rank import LowRank
from zoo.adapters.rescaling import Rescaling
from zoo.adapters.tuning import METHODS, Tuning
from zoo.adapters.weight_decomposed import WeightDecomposed

__all__ = [
    "METHODS",
    "TARGETS",
    "AdaptedProjections",
    "Adapter",
    "Bottleneck",
    "LowRank",
    "Rescaling",
    "Tuning",
    "WeightDecomposed",
    "adapters_of",
    "drop_adapters",
    "fold_adapters",
    "projections_of_blocks",
    "restore_adapters",
    "saved_adapters",
]
