"""A model from a Hugging Face directory."""

from dataclasses import dataclass
from pathlib import Path

import keras

from zoo.checkpoints.bert_families import KINDS
from zoo.checkpoints.hugging_face.configuration import Configuration, read_content
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.hugging_face.tensor_names import (
    ignored_names,
    pooler_is_there,
    pooler_is_used,
    tensor_names,
)
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.errors import UserError
from zoo.models import Encoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier

_LANGUAGE_MODELS = {"masked_token_predictor", "pretraining"}


@dataclass(frozen=True)
class ForeignModel:
    """A model read from a checkpoint of another program.

    Attributes:
        directory: Where it was read from.
        model: An `Encoder` or a model with a head, with its weights.
        kind: What it is: "encoder", "token_classifier", "sequence_classifier", "masked_token_predictor" or
            "pretraining" (a `MaskedTokenPredictor` with next-sentence prediction).
        labels: Names of a classifier's classes in the order of its logits; None for other kinds.
        problem_type: "single_label_classification", "multi_label_classification", "regression" or None (not said).
    """

    directory: Path
    model: keras.Model
    kind: str
    labels: tuple[str, ...] | None = None
    problem_type: str | None = None


def is_hugging_face(directory):
    """Whether a directory holds a config.json with a `model_type`, readable for the zoo or not."""
    try:
        return "model_type" in read_content(directory)
    except UserError:
        return False


def load_hugging_face(directory, kind=None, dtype=None):
    """Reads a BERT, DistilBERT or RoBERTa from a Hugging Face directory, with the weights it was saved with.

    The file is memory-mapped and copied tensor by tensor.

    Args:
        directory: A directory with config.json and model.safetensors, whole or in shards.
        kind: What to make of it: one of `zoo.checkpoints.bert_families.KINDS`; what config.json names if None.
            "encoder" leaves any head behind, so that a new one can be put on `ForeignModel.model`. It has a pooler if
            the checkpoint has one.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel`.

    Raises:
        UserError: for missing or damaged files, pickles, settings that the zoo does not have, and tensors missing,
            unexpected or of another shape, each by name.

    Example:
        >>> encoder = load_hugging_face("bert-base-uncased", kind="encoder").model
        >>> tagger = TokenClassifier(encoder, num_labels=9)
    """
    configuration = Configuration.read(directory)
    kind = _choose_kind(configuration, kind)
    tensors = SafetensorsFiles(directory)
    family, encoder = configuration.family, configuration.encoder
    with_pooler = pooler_is_used(family, kind) and (kind != "encoder" or pooler_is_there(family, tensors.shapes))
    model = _make_model(configuration, kind, with_pooler, dtype)
    model.build()
    _put_prefix(tensors, family, kind)
    copies = family.copies if kind in _LANGUAGE_MODELS else None
    names = tensor_names(family, kind, encoder["num_layers"], with_pooler)
    assign_tensors(model, tensors, names, ignored_names(family, kind, with_pooler), copies)
    labelled = kind in ("token_classifier", "sequence_classifier")
    return ForeignModel(
        directory=Path(directory),
        model=model,
        kind=kind,
        labels=configuration.labels if labelled else None,
        problem_type=configuration.problem_type if kind == "sequence_classifier" else None,
    )


def _choose_kind(configuration, kind):
    if kind not in (*KINDS, None):
        raise UserError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    named = configuration.kind
    family = configuration.family
    if kind is None and named is None:
        architectures = configuration.content.get("architectures")
        raise UserError(
            f"{configuration.path}: architectures {architectures!r} names no model that the zoo has; "
            'load the encoder alone with kind="encoder"'
        )
    kind = named if kind is None else kind
    # The tensors decide whether a language model has next-sentence prediction: BERT's own files have it unnamed.
    possible = {named, *(_LANGUAGE_MODELS if named in _LANGUAGE_MODELS else ())} & family.heads.keys()
    if kind not in possible | {"encoder"}:
        raise UserError(
            f"{configuration.path.parent} holds a model of kind {named!r}, which is no {kind!r}; "
            'load it with kind="encoder" and put a new head on it'
        )
    if kind in _LANGUAGE_MODELS and configuration.content.get("tie_word_embeddings") is False:
        raise UserError(
            f"{configuration.path}: tie_word_embeddings False is not supported, the output matrix must be the table of "
            'token vectors; load the encoder alone with kind="encoder"'
        )
    return kind


def _make_model(configuration, kind, with_pooler, dtype):
    encoder = Encoder(**configuration.encoder, pooler=with_pooler, dtype=dtype)
    if kind == "encoder":
        return encoder
    family = configuration.family
    if kind in _LANGUAGE_MODELS:
        return MaskedTokenPredictor(
            encoder, next_sentence=kind == "pretraining", activation=family.token_head_activation
        )
    num_labels, dropout = len(configuration.labels), configuration.head_dropout(kind)
    if kind == "token_classifier":
        return TokenClassifier(encoder, num_labels, dropout)
    # RoBERTa's head drops out before its hidden layer too.
    hidden_dropout = dropout if family.name == "roberta" else 0.0
    return SequenceClassifier(encoder, num_labels, dropout, hidden_dropout=hidden_dropout, **family.sequence_head)


def _put_prefix(tensors, family, kind):
    """Gives the encoder's tensors the names that they have in a model of this kind, whatever they were saved from."""
    prefix = family.tensor_prefix
    starts = {rule.theirs.split(".")[0] + "." for rule in (*family.encoder, *family.pooler)}
    if kind == "encoder":
        tensors.rename(lambda name: name.removeprefix(prefix))
    else:
        tensors.rename(lambda name: prefix + name if name.startswith(tuple(starts)) else name)
