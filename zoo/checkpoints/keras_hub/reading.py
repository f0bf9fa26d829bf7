"""Models of KerasHub presets, which its own package reads (extra `hub`)."""

import json
from pathlib import Path

from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.gpt2 import LANGUAGE_MODEL
from zoo.checkpoints.keras_hub.equality import check_equal
from zoo.checkpoints.keras_hub.families import (
    BART,
    BERT,
    FAMILIES,
    GPT2,
    ROBERTA,
    SEQUENCE_HEADS,
    T5,
    backbone_names,
    head_names,
)
from zoo.checkpoints.keras_hub.preset_files import (
    CONFIG_FILE,
    LABELS_FILE,
    TASK_FILE,
    class_name,
    import_keras_hub,
    is_keras_hub,
    without_mask_warnings,
)
from zoo.checkpoints.keras_hub.weights import ArrayTensors, head_weights, hub_weights, read_arrays, to_our_tables
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.checkpoints.sequence_to_sequence_families import SEQUENCE_TO_SEQUENCE
from zoo.errors import UserError
from zoo.models import GPT2 as GPT2Model
from zoo.models import T5 as T5Model
from zoo.models import Encoder, EncoderDecoder, MaskedTokenPredictor, SequenceClassifier

# Rows of the published tables before position 0; KerasHub leaves them out.
_OFFSET = 2
_KINDS = {"GPT2Backbone": LANGUAGE_MODEL, "BartBackbone": SEQUENCE_TO_SEQUENCE, "T5Backbone": SEQUENCE_TO_SEQUENCE}
_ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "gelu_approximate": "gelu_approximate", "silu": "swish"}


def holds_sequence_to_sequence(directory):
    """Whether a preset of KerasHub is a BART or a T5."""
    return _KINDS.get(class_name(directory, CONFIG_FILE)) == SEQUENCE_TO_SEQUENCE


def load_keras_hub(directory, kind=None, dtype=None):
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
    family = next((family for family in FAMILIES if family.backbone == name), None)
    if family is None:
        known = ", ".join(family.backbone for family in FAMILIES)
        raise UserError(f"{path}: class_name {name!r} is not supported; supported are {known}")
    held = _KINDS.get(name, "encoder")
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
                given = getattr(keras_hub.models, task_name).from_preset(str(directory), preprocessor=None)
                backbone = given.backbone
            else:
                given = backbone = keras_hub.models.Backbone.from_preset(str(directory))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{directory} cannot be read as a preset: {' '.join(str(error).split())[:300]}") from error
    arguments = _arguments(family, backbone, path)
    make = {GPT2: GPT2Model, BART: EncoderDecoder, T5: T5Model}.get(family, Encoder)
    body = make(**arguments, dtype=dtype)
    body.build()
    names = backbone_names(family, body)
    arrays = read_arrays(hub_weights(family, backbone, names))
    to_our_tables(family, arrays, _OFFSET)
    assign_tensors(body, ArrayTensors(directory, arrays), names)
    model, labels = _with_head(family, held, body, given, directory) if with_head else (body, None)
    check_equal(held, model, given, directory)
    return ForeignModel(
        directory=directory,
        model=model,
        kind=held,
        labels=labels,
        problem_type="single_label_classification" if held == "sequence_classifier" else None,
        family=family.name.lower() if held == SEQUENCE_TO_SEQUENCE else None,
    )


def _arguments(family, backbone, path):
    """Arguments of our model without a head."""
    given = {ours: getattr(backbone, theirs) for ours, theirs in family.sizes.items()}
    if family is T5:
        activation = getattr(backbone.activation, "__name__", None)
        if activation not in _ACTIVATIONS:
            raise UserError(f"{path}: activation {activation!r} is not supported; supported are {[*_ACTIVATIONS]}")
        given["head_dim"] = given["head_dim"] or given["hidden_dim"] // given["num_heads"]
        given |= dict(
            num_decoder_layers=given["num_encoder_layers"],
            activation=_ACTIVATIONS[activation],
            scale_logits=given["tied_embeddings"],
        )
        return {**given, **family.fixed}
    # KerasHub has one rate for everything.
    given["attention_dropout"] = given["dropout"]
    if family is BART:
        given |= dict(
            source_vocabulary_size=given["target_vocabulary_size"],
            num_decoder_layers=given["num_encoder_layers"],
            position_offset=_OFFSET,
        )
    elif family is not GPT2:
        given["pooler"] = family is BERT
    if family is ROBERTA:
        given |= dict(position_offset=_OFFSET, num_segments=1)
    return {**given, **family.fixed}


def _with_head(family, kind, encoder, task, directory):
    """The encoder with the head of a task of KerasHub, and its labels."""
    labels = None
    if kind == "sequence_classifier":
        labels = _labels(directory, task.num_classes)
        if getattr(task.activation, "__name__", "") not in ("linear", "softmax"):
            raise UserError(f"{directory}: a classifier whose activation is {task.activation} is not supported")
        head = SEQUENCE_HEADS[family.name]
        hidden_dropout = task.dropout if family is ROBERTA else 0.0
        model = SequenceClassifier(encoder, task.num_classes, task.dropout, hidden_dropout=hidden_dropout, **head)
    else:
        model = MaskedTokenPredictor(encoder, activation="gelu")
    model.build()
    assign_tensors(model, ArrayTensors(directory, read_arrays(head_weights(task))), head_names(family, kind))
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
