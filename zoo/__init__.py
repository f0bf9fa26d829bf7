"""A Keras 3 Transformer zoo: models, tokenizers, decoding and tasks.

Importing this package needs no TensorFlow; the tasks, which read and write text, import it when they are first used.
"""

import importlib

from zoo import layers, models

_LAZY = {
    **dict.fromkeys(
        (
            "DecoderSummarizer",
            "EntityRecognizer",
            "MaskedLanguageModel",
            "Summarizer",
            "TextClassifier",
            "TextGenerator",
            "Translator",
            "load",
        ),
        "zoo.tasks",
    ),
    **dict.fromkeys(("checkpoints", "data", "generation", "metrics", "tasks", "tokenizers", "training")),
}

__all__ = ["layers", "models", *_LAZY]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    home = _LAZY[name]
    return importlib.import_module(f"zoo.{name}") if home is None else getattr(importlib.import_module(home), name)
