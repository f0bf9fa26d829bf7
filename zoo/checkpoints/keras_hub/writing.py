"""A model to a preset of KerasHub, which its own package writes (extra `hub`)."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import ops

from zoo.architectures import keras_hub_maps
from zoo.checkpoints.keras_hub.equality import check_equal
from zoo.checkpoints.keras_hub.preset_files import (
    CONFIG_FILE,
    LABELS_FILE,
    PREPROCESSOR_FILE,
    TASK_FILE,
    import_keras_hub,
    without_mask_warnings,
)
from zoo.checkpoints.keras_hub.tokenizers import to_keras_hub_tokenizer
from zoo.checkpoints.keras_hub.weights import head_weights, hub_weights
from zoo.checkpoints.named_tensors import tensors_by_name
from zoo.errors import UserError
from zoo.models import MaskedTokenPredictor, SequenceClassifier, TokenClassifier
from zoo.tokenizers import Tokenizer
from zoo.writing import writing

_KINDS_WITH_HEADS = {
    # Of which the encoder alone is written.
    TokenClassifier: "encoder",
    SequenceClassifier: "sequence_classifier",
    MaskedTokenPredictor: "masked_token_predictor",
}
_LENGTHS = {"sequence_to_sequence": ("encoder_sequence_length", "decoder_sequence_length")}
# What GELU's approximation may change, as a share of the largest value.
_APPROXIMATION = 0.1
_ADVICE = "free some space or choose another folder, then convert it again"


def save_keras_hub(
    model: keras.Model,
    tokenizer: Tokenizer,
    directory: str | Path,
    *,
    labels: Sequence[str] | None = None,
    preprocessor: dict[str, Any] | None = None,
    approximate_gelu: bool = False,
) -> list[str]:
    """Writes a preset that KerasHub loads, as the task that it has for the model, with its preprocessor.

    Encoders become a BERT, a DistilBERT (no segments) or a RoBERTa (a position offset) with the head of a text
    classifier or a masked language model; a `GPT2` becomes a causal language model, and an `EncoderDecoder` like BART
    and a `T5` become sequence-to-sequence models. Both models are compared on random tokens before anything is written.

    Args:
        model: An `Encoder`, a `SequenceClassifier`, `MaskedTokenPredictor` or `TokenClassifier` over one, a `GPT2`, an
            `EncoderDecoder` or a `T5`. Of a `TokenClassifier` and of next-sentence prediction, which KerasHub has no
            models for, the encoder and the head for tokens alone are written.
        tokenizer: Of the model.
        directory: Where to write: a folder that is not there yet, or an empty one.
        labels: Names of a classifier's classes, kept in labels.json for this project.
        preprocessor: Arguments of KerasHub's preprocessor, such as the `sequence_length` that it cuts texts to; the
            model's longest sequence where it is not given.

        approximate_gelu: Whether a BERT of exact GELU is written too, as one with the approximation by tanh that
            KerasHub's code has: outputs then differ a little, and are only compared roughly.

    Returns:
        list of str, each a thing that the user should know: the largest difference of the outputs, and what was left
        behind.

    Raises:
        UserError: for a model that KerasHub's code cannot compute, saying what differs, a tokenizer of another kind, a
            folder that is not empty or cannot be written, and without the package keras-hub.
    """
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"{directory} is there already and not empty; give another directory")
    kind, family, body = _kind_family_and_body(model)
    if not model.built:
        model.build()
    config = body.get_config()
    approximated = approximate_gelu and getattr(family, "approximates_gelu", False) and config["activation"] == "gelu"
    _check(family, {**config, "activation": "gelu_approximate"} if approximated else config, body)
    keras_hub = import_keras_hub(directory)
    hub_tokenizer = to_keras_hub_tokenizer(tokenizer, family, keras_hub)
    notes = []
    with without_mask_warnings():
        backbone = getattr(keras_hub.models, family.backbone)(**family.backbone_arguments(config), dtype="float32")
        _set_backbone(family, backbone, body, notes)
        task = _make_task(keras_hub, family, kind, model, backbone)
    written = backbone if task is None else task
    compared = body if task is None else model
    difference = check_equal(kind, compared, written, directory, *([_APPROXIMATION] if approximated else []))
    if task is not None:
        lengths = dict.fromkeys(_LENGTHS.get(kind, ("sequence_length",)), config["max_sequence_length"])
        preprocessor = {**lengths, **(preprocessor or {})}
        task.preprocessor = task.preprocessor_cls(hub_tokenizer, **preprocessor)
    notes.insert(0, f"largest difference of outputs {difference:.0e}")
    if isinstance(model, TokenClassifier):
        notes.append("the encoder alone, since KerasHub has no model for tags")
    if getattr(model, "next_sentence_head", None) is not None:
        notes.append("without its head for next sentences, which KerasHub has not")
    rates = {config["dropout"], config.get("attention_dropout", config["dropout"])}
    if len(rates) > 1:
        notes.append(f"with one rate of dropout, {config['dropout']:g}")
    _write(directory, written, hub_tokenizer if task is None else None, labels, preprocessor)
    return notes


def _kind_family_and_body(model):
    """The kind of a model that KerasHub has, its family, and the part of the model that is its backbone."""
    body = getattr(model, "encoder", model)
    family = next((family for family in keras_hub_maps() if family.holds(body)), None)
    kind = next((kind for cls, kind in _KINDS_WITH_HEADS.items() if isinstance(model, cls)), None)
    if family is None or (kind is None and body is not model):
        raise UserError(f"KerasHub has no model for a {type(model).__name__}")
    return kind or family.kind, family, body


def _check(family, config, body):
    """Refuses what KerasHub's code would compute in another way."""
    family.check(config)
    bias = getattr(body, "logits_bias", None)
    if bias is not None and ops.convert_to_numpy(bias).any():
        raise UserError(f"KerasHub has no {family.name} with a bias of the logits, which is not zero here")


def _set_backbone(family, backbone, body, notes):
    """Gives the backbone the weights of ours."""
    names = family.tensor_names(body)
    arrays = family.to_theirs(tensors_by_name(body, names), body.get_config())
    weights = hub_weights(family, backbone, names)
    notes += family.left_behind(body)
    unset = weights.keys() - arrays.keys()
    if unset and unset <= {*family.may_be_untrained}:
        notes.append("with a new, untrained pooler, since the model has none")
    elif unset:
        raise UserError(f"KerasHub's {family.backbone} has weights that the model lacks: {', '.join(sorted(unset))}")
    _assign(weights, arrays)


def _assign(weights, arrays):
    for name, array in arrays.items():
        weights[name].assign(array.reshape(weights[name].shape))


def _make_task(keras_hub, family, kind, model, backbone):
    """The task of KerasHub with the weights of the head; None for an encoder alone."""
    if kind == "encoder":
        return None
    cls = getattr(keras_hub.models, family.tasks[kind])
    if kind == "sequence_classifier":
        for name, value in family.sequence_head.items():
            if getattr(model, name) != value:
                raise UserError(
                    f"KerasHub has no {family.name} whose head has {name}={getattr(model, name)!r}, only {value!r}"
                )
        task = cls(backbone, num_classes=model.num_labels, dropout=model.dropout.rate, preprocessor=None)
    elif kind == "masked_token_predictor":
        activation = model.activation_name or model.encoder.activation_name
        if activation != "gelu":
            raise UserError(
                f"KerasHub has no {family.name} whose head for tokens has activation={activation!r}, only 'gelu'"
            )
        task = cls(backbone, preprocessor=None)
    else:
        return cls(backbone=backbone, preprocessor=None)
    _assign(head_weights(task), tensors_by_name(model, family.head_names(kind)))
    return task


def _write(directory, written, tokenizer, labels, preprocessor):
    """Writes the preset under another name, which becomes the directory when it is whole."""
    with writing(directory, _ADVICE, "the preset"):
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            written.save_to_preset(str(staging))
            if tokenizer is not None:
                tokenizer.save_to_preset(str(staging))
            if tokenizer is None:
                _complete_preprocessor(staging, preprocessor)
            if labels is not None:
                content = json.dumps(list(labels), ensure_ascii=False) + "\n"
                (staging / LABELS_FILE).write_text(content, encoding="utf-8")
            if not (staging / CONFIG_FILE).is_file():
                raise UserError(f"{directory}: this version of KerasHub wrote no {CONFIG_FILE}")
            staging.chmod(0o755)
            staging.replace(directory)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _complete_preprocessor(directory, options):
    """Adds the options that KerasHub's class takes and does not store, such as the lengths of its pairs of texts."""
    for name in (PREPROCESSOR_FILE, TASK_FILE):
        path = directory / name
        content = json.loads(path.read_text(encoding="utf-8"))
        stored = content if name == PREPROCESSOR_FILE else content["config"]["preprocessor"]
        stored["config"] = {**options, **stored["config"]}
        path.write_text(json.dumps(content, indent=4), encoding="utf-8")
