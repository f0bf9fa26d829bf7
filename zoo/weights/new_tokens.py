"""Vectors of new tokens in the tables of a model."""

from typing import Any

import keras
import numpy as np

from zoo.weights.layers_by_path import layers_by_path


def with_new_tokens(model: keras.Model, first_id: int, count: Any) -> keras.Model:
    """A copy of a model whose tables have rows for new tokens, each the mean of the rows of the tokens before them.

    Rows of a separate output matrix and entries of an output bias are made likewise. A table that was padded to a
    round number of rows grows only by what is missing, and padding rows that new tokens take are overwritten.

    Args:
        model: A built model of `zoo.models` with a `vocabulary_size`, or with a head over an encoder that has one.
        first_id: The id of the first new token: the number of tokens before.
        count: How many there are.

    Returns:
        A model of the same class, precision and weights, not compiled.

    Source: Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models",
        https://nlp.stanford.edu/~johnhew/vocab-expansion.html.
    """
    config = keras.saving.serialize_keras_object(model)
    of_table = config["config"].get("encoder", config)["config"]
    of_table["vocabulary_size"] = max(of_table["vocabulary_size"], first_id + count)
    copy = keras.saving.deserialize_keras_object({**config, "compile_config": None})
    if not copy.built:
        copy.build()
    sources, targets = layers_by_path(model), layers_by_path(copy)
    new = slice(first_id, first_id + count)
    for path, layer in sources.items():
        saved = {}
        layer.save_own_variables(saved)
        # Only tables of tokens know how many there are.
        if getattr(layer, "vocabulary_size", None) == _vocabulary_size(model):
            saved = {name: _grown(values, targets[path].vocabulary_size, new) for name, values in saved.items()}
        targets[path].load_own_variables(saved)
    return copy


def _vocabulary_size(model):
    return getattr(model, "encoder", model).vocabulary_size


def _grown(values, size, new):
    """Rows by token with the mean as the rows of new ones."""
    values = keras.ops.convert_to_numpy(values)
    mean = values[: new.start].mean(axis=0, dtype=np.float64).astype(values.dtype)
    grown = np.concatenate([values, np.zeros((size - len(values), *values.shape[1:]), values.dtype)])
    grown[new] = mean
    return grown
