"""A model from a Hugging Face directory."""

from typing import Any

from zoo.architectures import FOLDERS, architecture_named
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, AnyDirectory, DirectoryFiles
from zoo.checkpoints.hugging_face.encoders import load_encoder
from zoo.checkpoints.hugging_face.language_models import load_language_model
from zoo.checkpoints.hugging_face.sequence_to_sequence import load_sequence_to_sequence
from zoo.errors import UserError

# By the group of an architecture: its reader, called with files, architecture, kind and dtype.
_READERS = {
    "encoder": load_encoder,
    "language_model": load_language_model,
    "sequence_to_sequence": load_sequence_to_sequence,
}
ADAPTER_FILE = "adapter_config.json"
"""What the package peft writes beside the weights of an adapter."""


def is_hugging_face(directory: AnyDirectory) -> bool:
    """Whether a directory holds a config.json with a `model_type`, readable for the zoo or not."""
    try:
        return "model_type" in DirectoryFiles.of(directory).config
    except UserError:
        return False


def load_hugging_face(directory: AnyDirectory, kind: str | None = None, dtype: Any = None) -> ForeignModel:
    """Reads a model with its weights from a Hugging Face directory.

    The families are those of `zoo.architectures`: encoders such as BERT, decoders such as GPT-2 and Llama, and
    encoder-decoders such as Marian and T5.

    The file is memory-mapped and copied tensor by tensor.

    Args:
        directory: A directory with config.json and model.safetensors, whole or in shards.
        kind: What to make of it: one of `zoo.architectures.encoder_architecture.KINDS`, "sequence_to_sequence" for
            an encoder-decoder, or "language_model" for a decoder; what config.json names if None.
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
    architecture = architecture_in(files)
    return _READERS[architecture.group](files, architecture, kind, dtype)


def architecture_in(files):
    """The family that the config.json of a directory names.

    Args:
        files: `DirectoryFiles`.

    Raises:
        UserError: for a type of model that the zoo does not have.
    """
    model_type = files.config.get("model_type")
    architecture = architecture_named(model_type)
    if architecture is None:
        raise UserError(
            f"{files / CONFIG_FILE}: model_type {model_type!r} is not supported; supported are "
            f"{', '.join(sorted(FOLDERS))}"
        )
    return architecture


def named_kind(directory):
    """The kind of model over an encoder that config.json names; None if it names none or no encoder.

    Raises:
        UserError: for a missing or damaged file, and a type of model that the zoo does not have.
    """
    files = DirectoryFiles.of(directory)
    architecture = architecture_in(files)
    if architecture.group != "encoder":
        return None
    return architecture.kind_of_class((files.config.get("architectures") or [None])[0])
