"""A model to a Hugging Face directory."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from safetensors import SafetensorError

from zoo.adapters import adapters_of
from zoo.architectures import architecture_of
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE
from zoo.checkpoints.hugging_face.encoders import encoder_to_hugging_face
from zoo.checkpoints.hugging_face.language_models import language_model_to_hugging_face
from zoo.checkpoints.hugging_face.safetensors_files import WEIGHTS_FILE, write_tensors
from zoo.checkpoints.hugging_face.sequence_to_sequence import sequence_to_sequence_to_hugging_face
from zoo.checkpoints.preset import is_preset
from zoo.errors import UserError
from zoo.models.decoder import Decoder
from zoo.models.sequence_to_sequence import SequenceToSequenceModel
from zoo.writing import writing


def save_hugging_face(
    model: keras.Model,
    directory: str | Path,
    *,
    labels: Sequence[str] | None = None,
    problem_type: str | None = None,
    pad_token_id: int | None = 0,
    end_token_id: int | None = None,
    begin_token_id: int | None = None,
    start_token_id: int | None = None,
    assets: Mapping[str, Callable[[Path], Any]] | None = None,
    configuration: dict[str, Any] | None = None,
) -> None:
    """Writes a directory that transformers loads.

    A model of the families in `zoo.architectures` becomes the first of them that can say it: an `Encoder` a BERT, a
    DistilBERT (no segments) or a RoBERTa (a position offset), with or without a head. An `EncoderDecoder` becomes
    Marian (sinusoidal positions), BART (learned ones), PEGASUS or mBART (the same with the normalisation before each
    sub-layer). Rates of dropout that transformers has no setting for are not kept. A pooler is written where
    transformers' class has one; an encoder that should have one and has none is read there with a new one.

    Args:
        model: An `Encoder`, `TokenClassifier`, `SequenceClassifier`, `SpanPredictor`, `MaskedTokenPredictor`, `GPT2`,
            `EncoderDecoder` or `T5`.
        directory: Where to write; made if needed. Other files in it stay.
        labels: Names of a classifier's classes in the order of its logits; LABEL_0, LABEL_1 and so on if None.
        problem_type: Of a `SequenceClassifier`: one of `PROBLEM_TYPES`, or None.
        pad_token_id: Of an encoder's tokenizer; RoBERTa's follows from the position offset.
        end_token_id: Of a language model's tokenizer: the token that ends a text; None if there is none.
        begin_token_id, start_token_id: Of an encoder-decoder: the token that begins a text, or None, and what the
            decoder reads first; the end token if None.
        assets: Functions by file name, such as vocab.txt, each of which writes that path when called with it; a name
            may be within a folder.
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
    if adapters_of(model):
        raise UserError("the model has adapters, for which these files have no place: fold_adapters(model) comes first")
    architecture = architecture_of(model)
    if architecture.group == "encoder":
        content, tensors = encoder_to_hugging_face(model, architecture, labels, problem_type, pad_token_id)
    elif architecture.group == "language_model":
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
    content = {**content, **(configuration or {})}
    files = {
        **(assets or {}),
        WEIGHTS_FILE: lambda path: write_tensors(tensors, path),
        CONFIG_FILE: lambda path: path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8"),
    }
    _write_files(directory, files)


def _write_files(directory, files):
    """Writes every file under another name before the first one is moved to its place."""
    advice = "free some space or choose another folder, then write it again"
    with writing(directory, advice, "the model", errors=(SafetensorError,)):
        directory.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".saving-", dir=directory))
        try:
            for name, write in files.items():
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                write(staging / name)
            for name in files:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (staging / name).replace(directory / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
