"""Encoder-decoders of the registered families, from Hugging Face directories and into them."""

import keras

from zoo.architectures import architecture_of
from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.checkpoints.foreign_model import SEQUENCE_TO_SEQUENCE, ForeignModel, check_kind
from zoo.checkpoints.hugging_face.configuration import check_architectures
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE
from zoo.checkpoints.hugging_face.generation_configuration import read_generation
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.hugging_face.tokenizer_settings import max_text_length
from zoo.checkpoints.named_tensors import assign_tensors, tensors_by_name
from zoo.errors import UserError


def load_sequence_to_sequence(files, architecture, kind=None, dtype=None):
    """Reads an encoder-decoder of a registered family from a Hugging Face directory.

    Args:
        files: `DirectoryFiles` of a directory with config.json and safetensors, whole or in shards;
            generation_config.json says how to decode, or older keys in config.json.
        architecture: The `SequenceToSequenceArchitecture` that config.json names.
        kind: "sequence_to_sequence" or None.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel` of kind "sequence_to_sequence".

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and tensors missing, unexpected or
            of another shape, each by name.
    """
    check_kind(kind, SEQUENCE_TO_SEQUENCE, files)
    content, path = files.config, files / CONFIG_FILE
    # The class without a head has the same tensors, and often its name alone is in a file of the whole.
    check_architectures(content, path, architecture.class_names)
    keys = ConfigurationKeys(content, path)
    arguments = architecture.arguments(keys)
    generation, end_token_ids = read_generation(files, architecture.special_tokens)
    if architecture.longest_text is not None:
        longest = (architecture.longest_text, max_text_length(files) or 0, generation.get("max_new_tokens", 0))
        arguments["max_sequence_length"] = max(arguments["max_sequence_length"], *longest)
    tensors = SafetensorsFiles(files.path)
    tensors.rename(architecture.name_with_head)
    _name_shared_table(tensors, architecture.table, architecture.copies(arguments))
    arguments |= architecture.arguments_of_tensors(keys, arguments, tensors)
    try:
        model = architecture.model_class(**arguments, dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    names, copies = architecture.tensor_names(model), architecture.copies(arguments)
    assign_tensors(model, tensors, names, architecture.ignored_tensors, copies)
    architecture.finish(model, tensors)
    return ForeignModel(
        files.path,
        model,
        SEQUENCE_TO_SEQUENCE,
        family=architecture.model_type,
        task=architecture.task,
        generation=generation,
        end_token_ids=end_token_ids,
    )


def _name_shared_table(tensors, table, copies):
    """Gives the table that all share its name where a file holds it under that of a repetition alone."""
    if table in copies.values() and table not in tensors.shapes:
        found = next((name for name in copies if name in tensors.shapes), None)
        tensors.rename(lambda name: table if name == found else name)


def family_name(model: keras.Model) -> str:
    """The `model_type` that an encoder-decoder is written with.

    Raises:
        UserError: for a model that transformers has no class for, saying what differs.
    """
    return architecture_of(model).model_type


def sequence_to_sequence_to_hugging_face(
    model, architecture, *, start_token_id, pad_token_id, end_token_id, begin_token_id=None
):
    """What `load_hugging_face` and transformers read a built encoder-decoder from.

    Args:
        model: The model.
        architecture: Its `SequenceToSequenceArchitecture`.
        start_token_id: What the decoder reads first.
        pad_token_id, end_token_id, begin_token_id: Of the tokenizer of the answers; the last may be None.

    Returns:
        The content of config.json, and float32 numpy arrays by the names of tensors.

    Raises:
        UserError: for a model that transformers has no class for, saying what differs.
    """
    content = {
        "architectures": [architecture.class_names[0]],
        "model_type": architecture.model_type,
        "is_encoder_decoder": True,
        **architecture.configuration(model),
        "decoder_start_token_id": start_token_id,
        "pad_token_id": pad_token_id,
        "eos_token_id": end_token_id,
        "bos_token_id": begin_token_id,
        "dtype": "float32",
    }
    tensors = tensors_by_name(model, architecture.tensor_names(model))
    return content, {**tensors, **architecture.further_tensors(model)}
