"""Exports of tasks as text-in, result-out SavedModels that a stock TensorFlow Serving binary can run."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.errors import VerificationError
    from export.keras_layer import served_layer, served_layer_objects
    from export.saved_model import export_saved_model

_SOURCE_OF = {
    "export_saved_model": "export.saved_model",
    "VerificationError": "export.errors",
    "served_layer": "export.keras_layer",
    "served_layer_objects": "export.keras_layer",
}

__all__ = ["VerificationError", "export_saved_model", "served_layer", "served_layer_objects"]


def __getattr__(name):
    # Imported on first use: `python -m export` has to choose the Keras backend before anything imports Keras, and the
    # process that checks a SavedModel imports parts of this package with no Keras and no zoo at all.
    if name in _SOURCE_OF:
        import importlib

        return getattr(importlib.import_module(_SOURCE_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
