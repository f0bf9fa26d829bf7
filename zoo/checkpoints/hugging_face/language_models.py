"""Decoders of the registered families, from Hugging Face directories and into them."""

import re
from dataclasses import replace

from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, ForeignModel, check_kind
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.named_tensors import assign_tensors, tensors_by_name
from zoo.errors import UserError

# Of heads that are left behind where the language model is asked for.
_HEADS = r"(score|classifier|qa_outputs|multiple_choice_head)\..*"


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
    check_kind(kind, LANGUAGE_MODEL, files.path)
    content, path = files.config, files / CONFIG_FILE
    names = content.get("architectures")
    if kind is None and names and (not isinstance(names, list) or names[0] not in architecture.class_names):
        raise UserError(
            f"{path}: architectures {names!r} names no model that the zoo has; load the language model alone with "
            f'kind="{LANGUAGE_MODEL}"'
        )
    keys = ConfigurationKeys(content, path)
    arguments = architecture.arguments(keys)
    try:
        model = architecture.model_class(**arguments, dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    tensors, prefix = SafetensorsFiles(files.path), architecture.prefix
    # Files of the model without a head leave out the prefix.
    left_out = not any(name.startswith(prefix) for name in tensors.shapes)

    def in_file(name):
        return name.removeprefix(prefix) if left_out else name

    names = [replace(name, theirs=in_file(name.theirs)) for name in architecture.tensor_names(model)]
    copies = {architecture.output_matrix: in_file(architecture.table)} if model.tied_embeddings else None
    ignored = [rf"({re.escape(prefix)})?{pattern}" for pattern in architecture.ignored_tensors]
    assign_tensors(model, tensors, names, [*ignored, *([_HEADS] if kind else [])], copies)
    architecture.finish(model, keys)
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
        "bos_token_id": end_token_id if architecture.begins_with_end else begin_token_id,
        "eos_token_id": end_token_id,
        # Written although it is null: some families have another number where there is no such key.
        "pad_token_id": None,
        "initializer_range": 0.02,
        "dtype": "float32",
    }
    return content, tensors_by_name(model, architecture.tensor_names(model))
