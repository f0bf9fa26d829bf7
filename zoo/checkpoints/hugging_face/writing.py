"""A model to a Hugging Face directory."""

import json
import shutil
import tempfile
from pathlib import Path

from safetensors import SafetensorError

from zoo.architectures import architecture_of
from zoo.checkpoints.bert_families import BERT, DISTILBERT, ROBERTA
from zoo.checkpoints.foreign_model import CLASSIFIERS, LANGUAGE_MODELS
from zoo.checkpoints.hugging_face.configuration import CONFIG_FILE, PROBLEM_TYPES, to_hugging_face
from zoo.checkpoints.hugging_face.language_models import language_model_to_hugging_face
from zoo.checkpoints.hugging_face.safetensors_files import WEIGHTS_FILE, write_tensors
from zoo.checkpoints.hugging_face.sequence_to_sequence import sequence_to_sequence_to_hugging_face
from zoo.checkpoints.hugging_face.tensor_names import pooler_is_used, tensor_names
from zoo.checkpoints.named_tensors import tensors_by_name
from zoo.checkpoints.preset import is_preset
from zoo.errors import UserError
from zoo.models import (
    Encoder,
    MaskedTokenPredictor,
    SequenceClassifier,
    TokenClassifier,
)
from zoo.models.decoder import Decoder
from zoo.models.sequence_to_sequence import SequenceToSequenceModel
from zoo.writing import writing


def save_hugging_face(
    model,
    directory,
    *,
    labels=None,
    problem_type=None,
    pad_token_id=0,
    end_token_id=None,
    begin_token_id=None,
    start_token_id=None,
    assets=None,
    configuration=None,
):
    """Writes a directory that transformers loads.

    Encoders become BERT, DistilBERT (no segments) or RoBERTa (a position offset), with or without a head, and a `GPT2`
    becomes GPT2LMHeadModel. An `EncoderDecoder` becomes Marian (sinusoidal positions), BART (learned ones), PEGASUS or
    mBART (the same with the normalisation before each sub-layer), and a `T5` becomes T5ForConditionalGeneration. Rates
    of dropout that transformers has no setting for are not kept. A pooler is written where transformers' class has one;
    an encoder that should have one and has none is read there with a new one.

    Args:
        model: An `Encoder`, `TokenClassifier`, `SequenceClassifier`, `MaskedTokenPredictor`, `GPT2`,
            `EncoderDecoder` or `T5`.
        directory: Where to write; made if needed. Other files in it stay.
        labels: Names of a classifier's classes in the order of its logits; LABEL_0, LABEL_1 and so on if None.
        problem_type: Of a `SequenceClassifier`: one of `PROBLEM_TYPES`, or None.
        pad_token_id: Of an encoder's tokenizer; RoBERTa's follows from the position offset.
        end_token_id: Of a language model's tokenizer: the token that ends a text; None if there is none.
        begin_token_id, start_token_id: Of an encoder-decoder: the token that begins a text, or None, and what the
            decoder reads first; the end token if None.
        assets: Functions by file name, such as vocab.txt, each of which writes that path when called with it.
        configuration: Further keys of config.json, of other programs than transformers.

    Raises:
        UserError: for a model that transformers has no class for, saying what differs, for a wrong number of labels,
            and if the directory cannot be written. Files of an earlier model then stay whole.
    """
    directory = Path(directory)
    if is_preset(directory):
        raise UserError(f"{directory} holds a preset, whose {CONFIG_FILE} would be lost; give another directory")
    if isinstance(model, (Decoder, SequenceToSequenceModel)):
        if labels is not None or problem_type is not None:
            raise UserError(f"labels and problem_type are those of a classifier, which a {type(model).__name__} is not")
        if not model.built:
            model.build()
        architecture = architecture_of(model)
        if isinstance(model, Decoder):
            content, tensors = language_model_to_hugging_face(model, architecture, end_token_id, begin_token_id)
        else:
            content, tensors = sequence_to_sequence_to_hugging_face(
                model,
                architecture,
                start_token_id=end_token_id if start_token_id is None else start_token_id,
                pad_token_id=pad_token_id,
                end_token_id=end_token_id,
                begin_token_id=begin_token_id,
            )
    else:
        content, tensors = _encoder_to_hugging_face(model, labels, problem_type, pad_token_id)
    content = {**content, **(configuration or {})}
    files = {
        **(assets or {}),
        WEIGHTS_FILE: lambda path: write_tensors(tensors, path),
        CONFIG_FILE: lambda path: path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8"),
    }
    _write_files(directory, files)


def _encoder_to_hugging_face(model, labels, problem_type, pad_token_id):
    """The content of config.json and arrays by the names of tensors."""
    kind = _kind_of(model)
    encoder = model if kind == "encoder" else model.encoder
    config = encoder.get_config()
    family = _family_of(config)
    _check_head(model, family, kind, labels)
    if problem_type not in (*PROBLEM_TYPES, None):
        raise UserError(f"problem_type must be one of {', '.join(PROBLEM_TYPES)}, got {problem_type!r}")
    if kind in CLASSIFIERS and labels is None:
        labels = [f"LABEL_{i}" for i in range(model.num_labels)]
    if not model.built:
        model.build()
    with_pooler = pooler_is_used(family, kind) and encoder.pooler is not None
    tensors = tensors_by_name(model, tensor_names(family, kind, encoder.num_layers, with_pooler))
    content = to_hugging_face(
        family,
        kind,
        config,
        head_dropout=model.dropout.rate if kind in CLASSIFIERS else None,
        labels=labels,
        problem_type=problem_type,
        pad_token_id=pad_token_id,
    )
    return content, tensors


def _write_files(directory, files):
    """Writes every file under another name before the first one is moved to its place."""
    advice = "free some space or choose another folder, then write it again"
    with writing(directory, advice, "the model", errors=(SafetensorError,)):
        directory.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".saving-", dir=directory))
        try:
            for name, write in files.items():
                write(staging / name)
            for name in files:
                (staging / name).replace(directory / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _family_of(config):
    if config["num_segments"] == 0:
        family, fixed = DISTILBERT, {"norm": "post", "position_offset": 0, "pooler": False, "layer_norm_epsilon": 1e-12}
    else:
        family, fixed = (ROBERTA if config["position_offset"] else BERT), {"norm": "post"}
    for name, value in fixed.items():
        if config[name] != value:
            raise UserError(
                f"transformers has no {family.class_prefixes[0]} with {name}={config[name]!r}, only with {value!r}"
            )
    return family


def _kind_of(model):
    if isinstance(model, Encoder):
        return "encoder"
    if isinstance(model, TokenClassifier):
        return "token_classifier"
    if isinstance(model, SequenceClassifier):
        return "sequence_classifier"
    if isinstance(model, MaskedTokenPredictor):
        return "masked_token_predictor" if model.next_sentence_head is None else "pretraining"
    raise UserError(f"{type(model).__name__} cannot be written as a Hugging Face directory")


def _check_head(model, family, kind, labels):
    if kind != "encoder" and kind not in family.heads:
        raise UserError(f"transformers has no {family.class_prefixes[0]} with next-sentence prediction")
    if labels is not None and (kind not in CLASSIFIERS or len(labels) != model.num_labels):
        outputs = model.num_labels if kind in CLASSIFIERS else 0
        raise UserError(f"{len(labels)} labels do not fit a model with {outputs} classes")
    wanted = {}
    if kind == "sequence_classifier":
        wanted = {"hidden_activation": None, **family.sequence_head}
    elif kind in LANGUAGE_MODELS:
        wanted = {"activation_name": family.token_head_activation or model.encoder.activation_name}
    for name, value in wanted.items():
        found = getattr(model, name)
        if name == "activation_name" and found is None:
            found = model.encoder.activation_name
        if found != value:
            raise UserError(
                f"transformers has no {family.class_prefixes[0]} whose head has "
                f"{name.removesuffix('_name')}={found!r}, only {value!r}"
            )
