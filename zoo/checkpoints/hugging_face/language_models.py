"""Decoders of the registered families, from Hugging Face directories and into them."""

from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.gpt2 import LANGUAGE_MODEL, check_language_model
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.named_tensors import assign_tensors, tensors_by_name
from zoo.errors import UserError


def load_language_model(files, architecture, kind=None, dtype=None):
    """Reads a decoder of a registered family from a Hugging Face directory.

    Args:
        files: `DirectoryFiles` of a directory with config.json and safetensors, whole or in shards.
        architecture: `zoo.architectures.language_model_architecture.LanguageModelArchitecture` that config.json names.
        kind: "language_model", which leaves any other head behind; if None, config.json must name a model without one.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel` of kind "language_model".

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and tensors missing, unexpected or
            of another shape, each by name.
    """
    check_language_model(kind, files.path)
    content, path = files.config, files / CONFIG_FILE
    names = content.get("architectures")
    if kind is None and names and (not isinstance(names, list) or names[0] not in architecture.class_names):
        raise UserError(
            f"{path}: architectures {names!r} names no model that the zoo has; load the language model alone with "
            f'kind="{LANGUAGE_MODEL}"'
        )
    arguments = architecture.arguments(ConfigurationKeys(content, path))
    tensors = SafetensorsFiles(files.path)
    # The model without a head leaves out the prefix.
    if architecture.table not in tensors.shapes:
        tensors.rename(lambda name: name if name == architecture.output_matrix else f"model.{name}")
    try:
        model = architecture.model_class(**arguments, dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    copies = {architecture.output_matrix: architecture.table} if model.tied_embeddings else None
    ignored = (*architecture.ignored_tensors, *((r"model\.score\..*",) if kind else ()))
    assign_tensors(model, tensors, architecture.tensor_names(model), ignored, copies)
    return ForeignModel(directory=files.path, model=model, kind=LANGUAGE_MODEL, family=architecture.model_type)


def language_model_to_hugging_face(model, architecture, end_token_id=None, begin_token_id=None):
    """What `load_language_model` and transformers read a built model from.

    Args:
        model: The model.
        architecture: Its `zoo.architectures.language_model_architecture.LanguageModelArchitecture`.
        end_token_id, begin_token_id: Of the tokenizer; None if there is no such token.

    Returns:
        The content of config.json, and float32 numpy arrays by the names of tensors.
    """
    content = {
        "architectures": [architecture.class_names[0]],
        "model_type": architecture.model_type,
        **architecture.configuration(model),
        "bos_token_id": begin_token_id,
        "eos_token_id": end_token_id,
        # Written although it is null: some families have another number where there is no such key.
        "pad_token_id": None,
        "initializer_range": 0.02,
        "dtype": "float32",
    }
    return content, tensors_by_name(model, architecture.tensor_names(model))
