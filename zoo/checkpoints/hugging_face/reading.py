"""A model from a Hugging Face directory."""

from pathlib import Path

from zoo.architectures import architecture_named
from zoo.checkpoints.bert_families import KINDS
from zoo.checkpoints.foreign_model import CLASSIFIERS, LANGUAGE_MODELS, ForeignModel, make_model
from zoo.checkpoints.hugging_face.configuration import Configuration
from zoo.checkpoints.hugging_face.directory_files import DirectoryFiles
from zoo.checkpoints.hugging_face.language_models import load_language_model
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.hugging_face.sequence_to_sequence import load_sequence_to_sequence
from zoo.checkpoints.hugging_face.tensor_names import (
    ignored_names,
    name_in_model,
    pooler_is_there,
    pooler_is_used,
    tensor_names,
)
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.errors import UserError

# By the group of an architecture: its reader, called with files, architecture, kind and dtype.
_READERS = {"language_model": load_language_model, "sequence_to_sequence": load_sequence_to_sequence}
ADAPTER_FILE = "adapter_config.json"
"""What the package peft writes beside the weights of an adapter."""


def is_hugging_face(directory):
    """Whether a directory holds a config.json with a `model_type`, readable for the zoo or not."""
    try:
        return "model_type" in DirectoryFiles.of(directory).config
    except UserError:
        return False


def load_hugging_face(directory, kind=None, dtype=None):
    """Reads a model with its weights from a Hugging Face directory.

    The families are BERT, DistilBERT and RoBERTa, and those of `zoo.architectures`: decoders such as GPT-2 and Llama,
    and the encoder-decoders Marian, BART, mBART, PEGASUS and T5.

    The file is memory-mapped and copied tensor by tensor.

    Args:
        directory: A directory with config.json and model.safetensors, whole or in shards.
        kind: What to make of it: one of `zoo.checkpoints.bert_families.KINDS`, "sequence_to_sequence" for an
            encoder-decoder, or "language_model" for a decoder; what config.json names if None.
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
    files = DirectoryFiles.of(directory)
    if files.holds(ADAPTER_FILE):
        raise UserError(
            f"{files / ADAPTER_FILE} is not supported: transformers would put that adapter on the model; merge it into "
            "the weights, or remove the file"
        )
    content = files.config
    architecture = architecture_named(content.get("model_type"))
    if architecture is not None:
        return _READERS[architecture.group](files, architecture, kind, dtype)
    configuration = Configuration.read(files)
    kind = choose_kind(configuration, kind)
    tensors = SafetensorsFiles(files.path)
    family = configuration.family
    with_pooler = pooler_is_used(family, kind) and (kind != "encoder" or pooler_is_there(tensors.shapes))
    model = make_configured_model(configuration, kind, with_pooler, dtype)
    tensors.rename(lambda name: name_in_model(name, family, kind))
    assign_tensors(
        model,
        tensors,
        tensor_names(family, kind, configuration.encoder["num_layers"], with_pooler),
        ignored_names(family, kind, with_pooler),
        family.copies if kind in LANGUAGE_MODELS else None,
    )
    return describe(configuration, kind, model)


def choose_kind(configuration, kind):
    """The kind that is asked for, or that the configuration names if that is None.

    Raises:
        UserError: for a kind unknown, unnamed, or other than what the directory holds.
    """
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
    possible = {named, *(LANGUAGE_MODELS if named in LANGUAGE_MODELS else ())} & family.heads.keys()
    if kind not in possible | {"encoder"}:
        raise UserError(
            f"{configuration.path.parent} holds a model of kind {named!r}, which is no {kind!r}; "
            'load it with kind="encoder" and put a new head on it'
        )
    if kind in LANGUAGE_MODELS and configuration.content.get("tie_word_embeddings") is False:
        raise UserError(
            f"{configuration.path}: tie_word_embeddings False is not supported, the output matrix must be the table of "
            'token vectors; load the encoder alone with kind="encoder"'
        )
    return kind


def make_configured_model(configuration, kind, with_pooler, dtype):
    """A built model of new weights after a `Configuration`."""
    options = {}
    if kind in CLASSIFIERS:
        options = dict(num_labels=len(configuration.labels), head_dropout=configuration.head_dropout(kind))
    try:
        return make_model(
            configuration.family,
            kind,
            {**configuration.encoder, "pooler": with_pooler},
            dtype=dtype,
            **options,
        )
    except UserError as error:
        raise UserError(f"{configuration.path}: {error}") from error


def describe(configuration, kind, model):
    """The `ForeignModel` of a model and its `Configuration`."""
    return ForeignModel(
        directory=Path(configuration.path).parent,
        model=model,
        kind=kind,
        labels=configuration.labels if kind in CLASSIFIERS else None,
        problem_type=configuration.problem_type if kind == "sequence_classifier" else None,
    )
