"""Models of KerasHub presets, which its own package reads (extra `hub`)."""

import json
from pathlib import Path
from typing import Any

from zoo.architectures import keras_hub_maps
from zoo.architectures.keras_hub_map import KerasHubMap
from zoo.checkpoints.foreign_model import SEQUENCE_TO_SEQUENCE, ForeignModel
from zoo.checkpoints.keras_hub.equality import check_equal
from zoo.checkpoints.keras_hub.preset_files import (
    CONFIG_FILE,
    LABELS_FILE,
    TASK_FILE,
    class_name,
    import_keras_hub,
    is_keras_hub,
    without_mask_warnings,
)
from zoo.checkpoints.keras_hub.weights import ArrayTensors, head_weights, hub_weights, read_arrays
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.errors import UserError
from zoo.models import MaskedTokenPredictor, SequenceClassifier
from zoo.tokenizers import Tokenizer


def holds_sequence_to_sequence(directory: str | Path) -> bool:
    """Whether a preset of KerasHub is a BART or a T5."""
    family = _family(class_name(directory, CONFIG_FILE))
    return family is not None and family.kind == SEQUENCE_TO_SEQUENCE


def sequence_to_sequence_tokens(directory: str | Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """The special tokens of a BART or T5, as `KerasHubMap.special_tokens` says.

    Args:
        directory: A preset for which `holds_sequence_to_sequence` is true.
        tokenizer: What `load_keras_hub_tokenizer` reads there.
    """
    return _family(class_name(directory, CONFIG_FILE)).special_tokens(tokenizer)


def _family(backbone: str | None) -> KerasHubMap | None:
    """The `KerasHubMap` of a class of KerasHub, or None."""
    return next((family for family in keras_hub_maps() if family.backbone == backbone), None)


def load_keras_hub(directory: str | Path, kind: str | None = None, dtype: Any = None) -> ForeignModel:
    """Reads a BERT, DistilBERT, RoBERTa, GPT-2, BART or T5 preset of KerasHub.

    A preset of a text classifier or a masked language model has its head; other heads are left behind.

    Args:
        directory: A preset directory, as `save_to_preset` of a backbone or task of KerasHub writes it.
        kind: What to read: "encoder" leaves a head behind; None reads what the preset holds.
        dtype: A Keras dtype policy; the global one if None.

    Returns:
        A `ForeignModel` of kind "encoder", "sequence_classifier", "masked_token_predictor", "language_model" or
        "sequence_to_sequence". Labels are those of the file labels.json, which this project writes, or LABEL_0 and so
        on.

    Raises:
        UserError: for a directory that is no such preset, of another kind or cannot be read, and without the package
            keras-hub.
    """
    directory = Path(directory)
    path = directory / CONFIG_FILE
    if not is_keras_hub(directory):
        raise UserError(f"{directory} is no preset of KerasHub: {CONFIG_FILE} does not name a class of it")
    name = class_name(directory, CONFIG_FILE)
    family = _family(name)
    if family is None:
        known = ", ".join(family.backbone for family in keras_hub_maps())
        raise UserError(f"{path}: class_name {name!r} is not supported; supported are {known}")
    held = family.kind
    task_name = class_name(directory, TASK_FILE)
    if held == "encoder" and kind != "encoder":
        held = next((found for found, task in family.tasks.items() if task == task_name), held)
    if kind not in (held, None):
        raise UserError(f'{directory}: of a {name} of KerasHub only the {held} is read; use kind="{held}"')
    keras_hub = import_keras_hub(directory)
    with_head = held in ("sequence_classifier", "masked_token_predictor")
    try:
        with without_mask_warnings():
            if with_head:
                given = getattr(keras_hub.models, family.tasks[held]).from_preset(str(directory), preprocessor=None)
                backbone = given.backbone
            else:
                given = backbone = keras_hub.models.Backbone.from_preset(str(directory))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{directory} cannot be read as a preset: {' '.join(str(error).split())[:300]}") from error
    body = family.model_class(**family.arguments(backbone, path), dtype=dtype)
    body.build()
    names = family.tensor_names(body)
    arrays = family.to_ours(read_arrays(hub_weights(family, backbone, names)))
    assign_tensors(body, ArrayTensors(directory, arrays), names)
    model, labels = _with_head(family, held, body, given, directory) if with_head else (body, None)
    check_equal(held, model, given, directory)
    return ForeignModel(
        directory=directory,
        model=model,
        kind=held,
        labels=labels,
        problem_type="single_label_classification" if held == "sequence_classifier" else None,
    )


def _with_head(family, kind, encoder, task, directory):
    """The encoder with the head of a task of KerasHub, and its labels."""
    labels = None
    if kind == "sequence_classifier":
        labels = _labels(directory, task.num_classes)
        if getattr(task.activation, "__name__", "") not in ("linear", "softmax"):
            raise UserError(f"{directory}: a classifier whose activation is {task.activation} is not supported")
        hidden: dict[str, Any] = {
            "hidden_dropout": task.dropout if family.drops_hidden else 0.0,
            **family.sequence_head,
        }
        model = SequenceClassifier(encoder, task.num_classes, task.dropout, **hidden)
    else:
        model = MaskedTokenPredictor(encoder, activation="gelu")
    model.build()
    assign_tensors(model, ArrayTensors(directory, read_arrays(head_weights(task))), family.head_names(kind))
    return model, labels


def _labels(directory, count):
    path = directory / LABELS_FILE
    if not path.exists():
        return tuple(f"LABEL_{number}" for number in range(count))
    try:
        labels = tuple(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); remove it or copy it again") from error
    if len(labels) != count or not all(isinstance(label, str) for label in labels):
        raise UserError(f"{path} names {len(labels)} labels for a classifier of {count}; mend it or remove it")
    return labels
