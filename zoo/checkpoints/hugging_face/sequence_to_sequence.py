"""Marian, BART, mBART and PEGASUS from a Hugging Face directory."""

import numpy as np

from zoo.architectures.configuration_keys import ACTIVATIONS
from zoo.architectures.rule import names_of_rules
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.hugging_face.configuration import (
    check_architectures,
)
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.generation_configuration import read_generation
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.checkpoints.sequence_to_sequence_families import (
    COPIES,
    SEQUENCE_TO_SEQUENCE,
    SEQUENCE_TO_SEQUENCE_FAMILIES,
    SHARED_TABLE,
    rules_of_sequence_to_sequence,
)
from zoo.errors import UserError
from zoo.layers import sinusoidal_table
from zoo.models import EncoderDecoder

LOGITS_BIAS = "final_logits_bias"
POSITION_TABLES = tuple(f"model.{side}.embed_positions.weight" for side in ("encoder", "decoder"))

_REQUIRED = object()
# Our argument: (their key, the value where a configuration has none, which is that of transformers).
MODEL_KEYS = {
    "source_vocabulary_size": ("vocab_size", _REQUIRED),
    "hidden_dim": ("d_model", _REQUIRED),
    "intermediate_dim": ("encoder_ffn_dim", _REQUIRED),
    "decoder_intermediate_dim": ("decoder_ffn_dim", _REQUIRED),
    "num_heads": ("encoder_attention_heads", _REQUIRED),
    "num_decoder_heads": ("decoder_attention_heads", _REQUIRED),
    "num_encoder_layers": ("encoder_layers", _REQUIRED),
    "num_decoder_layers": ("decoder_layers", _REQUIRED),
    "max_sequence_length": ("max_position_embeddings", _REQUIRED),
    "dropout": ("dropout", 0.1),
    "attention_dropout": ("attention_dropout", 0.0),
    "activation_dropout": ("activation_dropout", 0.0),
}
# Key: the values that change nothing. Any other makes a model that the zoo does not have.
_ONLY = {
    "is_encoder_decoder": (True,),
    "is_decoder": (False,),
    "add_bias_logits": (False,),
    "quantization_config": (),
    "pruned_heads": ({},),
}
# Half precision moves a sinusoidal table that a file repeats.
_TABLE_TOLERANCE = 1e-3


def family_of(content):
    """The `SequenceToSequenceFamily` of a config.json's content, or None if it is of no such family."""
    for family in SEQUENCE_TO_SEQUENCE_FAMILIES:
        if content.get("model_type") == family.name:
            return family
    return None


def load_sequence_to_sequence(directory, dtype=None):
    """Reads a Marian, BART, mBART or PEGASUS from a Hugging Face directory, with the weights it was saved with.

    Args:
        directory: A directory with config.json and model.safetensors, whole or in shards; generation_config.json says
            how to decode, or older keys in config.json.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel` of kind "sequence_to_sequence".

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and tensors missing, unexpected or
            of another shape, each by name.
    """
    files = DirectoryFiles.of(directory)
    content, path = files.config, files / CONFIG_FILE
    family = family_of(content)
    # The class without a head has the same tensors, and often its name alone is in a file of the whole.
    check_architectures(content, path, (family.class_name, *family.other_class_names))
    arguments = _model_arguments(content, path, family)
    generation, end_token_ids = read_generation(files, family.defaults)
    tensors = SafetensorsFiles(files.path)
    tensors.rename(_name_with_head)
    copies = _name_shared_table(tensors, COPIES[arguments["tied_embeddings"]])
    bias = _logits_bias(tensors, arguments)
    try:
        if not family.learned_positions:
            arguments["positions"] = _kind_of_positions(tensors, arguments)
        model = EncoderDecoder(**arguments, logits_bias=bias is not None, dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    names = names_of_rules(rules_of_sequence_to_sequence(family, arguments))
    ignored = [LOGITS_BIAS, *(() if family.learned_positions else POSITION_TABLES)]
    assign_tensors(model, tensors, names, ignored, copies)
    if bias is not None:
        model.logits_bias.assign(bias)
    return ForeignModel(
        files.path,
        model,
        SEQUENCE_TO_SEQUENCE,
        family=family.name,
        generation=generation,
        end_token_ids=end_token_ids,
    )


def _model_arguments(content, path, family):
    """Arguments of `EncoderDecoder`."""
    fixed = {**_ONLY, **{key: (value,) for key, value in family.old_keys.items()}}
    for key, values in fixed.items():
        value = content.get(key)
        if value is not None and value not in values:
            known = values[0] if values else None
            raise UserError(f"{path}: {key} {value!r} is not supported for {family.name}; it must be {known!r}")
    absent = [key for key, default in MODEL_KEYS.values() if default is _REQUIRED and content.get(key) is None]
    if absent:
        raise UserError(f"{path} is damaged: it lacks {', '.join(absent)}; copy it again")
    arguments = {}
    for ours, (key, default) in MODEL_KEYS.items():
        value = content.get(key, default)
        wanted = int if default is _REQUIRED else (int, float)
        if not isinstance(value, wanted) or isinstance(value, bool) or value < (default is _REQUIRED):
            raise UserError(f"{path}: {key} {value!r} is not supported")
        arguments[ours] = value
    name = content.get("activation_function", "gelu")
    if name not in ACTIVATIONS:
        raise UserError(
            f"{path}: activation_function {name!r} is not supported; supported are {', '.join(ACTIVATIONS)}"
        )
    target_vocabulary_size = arguments["source_vocabulary_size"]
    tied = _tied_embeddings(content, path)
    if tied != "all":
        target_vocabulary_size = content.get("decoder_vocab_size") or target_vocabulary_size
    return {
        **arguments,
        **family.arguments,
        "target_vocabulary_size": target_vocabulary_size,
        "activation": ACTIVATIONS[name],
        "scale_embedding": bool(content.get("scale_embedding", False)),
        "tied_embeddings": tied,
    }


def _tied_embeddings(content, path):
    shared = content.get("share_encoder_decoder_embeddings", True)
    tied = content.get("tie_word_embeddings", True)
    if shared and not tied:
        raise UserError(
            f"{path}: tie_word_embeddings {tied!r} is not supported; the output matrix must be the table of vectors"
        )
    return "all" if shared else "target" if tied else "none"


def _name_with_head(name):
    """A tensor's name in a file of the model with a head; the model alone leaves out the prefix."""
    return f"model.{name}" if name.startswith(("shared.", "encoder.", "decoder.")) else name


def _name_shared_table(tensors, copies):
    """Gives the table that all share its name where a file holds it under that of a repetition alone."""
    if SHARED_TABLE not in copies.values() or SHARED_TABLE in tensors.shapes:
        return copies
    found = [name for name in copies if name in tensors.shapes]
    if found:
        tensors.rename(lambda name: SHARED_TABLE if name == found[0] else name)
    return copies


def _logits_bias(tensors, arguments):
    """The bias of the logits, or None if there is none or it is zero."""
    wanted = (1, arguments["target_vocabulary_size"])
    if LOGITS_BIAS not in tensors.shapes:
        return None
    if tensors.shapes[LOGITS_BIAS] != wanted:
        found = list(tensors.shapes[LOGITS_BIAS])
        raise UserError(f"{tensors.origin}: {LOGITS_BIAS} is of shape {found} instead of {list(wanted)}")
    bias = tensors.read(LOGITS_BIAS).astype("float32")[0]
    return bias if bias.any() else None


def _kind_of_positions(tensors, arguments):
    """The kind of the sinusoidal tables, which files may repeat; one that is another would change every answer."""
    shape = (arguments["max_sequence_length"], arguments["hidden_dim"])
    found = {name: tensors.read(name).astype("float32") for name in POSITION_TABLES if name in tensors.shapes}
    # Files written here may hold the table whose frequencies fall to exactly 1 / 10000.
    for kind in (arguments["positions"], "sinusoidal"):
        expected = sinusoidal_table(*shape, kind=kind)
        if all(
            table.shape == shape and np.allclose(table, expected, rtol=0, atol=_TABLE_TOLERANCE)
            for table in found.values()
        ):
            return kind
    raise UserError(f"{tensors.origin}: {next(iter(found))} is not the sinusoidal table of {list(shape)} values")
