"""A Keras 3 Transformer zoo: models, tokenizers, decoding and tasks.

Importing this package imports neither Keras nor a backend: its parts are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING

import wrapt

if TYPE_CHECKING:
    from zoo import checkpoints, data, generation, layers, metrics, models, tasks, tokenizers, training
    from zoo.tasks import (
        DecoderSummarizer,
        EntityRecognizer,
        MaskedLanguageModel,
        PairClassifier,
        PairScorer,
        QuestionAnswerer,
        Summarizer,
        TextClassifier,
        TextEmbedder,
        TextGenerator,
        TextRegressor,
        Translator,
        load,
    )

__all__ = [
    "DecoderSummarizer",
    "EntityRecognizer",
    "MaskedLanguageModel",
    "PairClassifier",
    "PairScorer",
    "QuestionAnswerer",
    "Summarizer",
    "TextClassifier",
    "TextEmbedder",
    "TextGenerator",
    "TextRegressor",
    "Translator",
    "checkpoints",
    "data",
    "generation",
    "layers",
    "load",
    "metrics",
    "models",
    "tasks",
    "tokenizers",
    "training",
]

_PARTS = ("checkpoints", "data", "generation", "layers", "metrics", "models", "tasks", "tokenizers", "training")

# `keras.saving.load_model` knows only classes that have been registered, and ours are when they are imported. So that
# it reads stored models after `import zoo`, layers, models, and the optimizers, losses and metrics that a model may be
# compiled with follow Keras, whoever imports it, before or later.
wrapt.register_post_import_hook(lambda _: importlib.import_module("zoo.layers"), "keras")
wrapt.register_post_import_hook(lambda _: importlib.import_module("zoo.models"), "zoo.layers")
wrapt.register_post_import_hook(lambda _: importlib.import_module("zoo.architectures.registered_models"), "zoo.models")
wrapt.register_post_import_hook(lambda _: importlib.import_module("zoo.training"), "zoo.models")


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    if name in _PARTS:
        return importlib.import_module(f"zoo.{name}")
    return getattr(importlib.import_module("zoo.tasks"), name)


def __dir__():
    return [*globals(), *__all__]
