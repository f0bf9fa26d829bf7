"""GPT-2 from a Hugging Face directory, and what such a directory holds of one."""

import math

from keras import ops

from zoo.architectures.configuration_keys import ACTIVATIONS, activation_name
from zoo.architectures.tensor_name import TensorName
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.gpt2 import LANGUAGE_MODEL, MODEL_TYPE, check_language_model, gpt2_names, make_gpt2
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.named_tensors import assign_tensors, tensors_by_name
from zoo.errors import UserError

# Before every name but the output matrix's; files of `GPT2Model`, and OpenAI's own, do without.
PREFIX = "transformer."
OUTPUT_MATRIX = "lm_head.weight"

_REQUIRED = object()
# Our argument: (their key, the value where a configuration has none, which is that of transformers).
_KEYS = {
    "vocabulary_size": ("vocab_size", _REQUIRED),
    "hidden_dim": ("n_embd", _REQUIRED),
    "num_heads": ("n_head", _REQUIRED),
    "num_layers": ("n_layer", _REQUIRED),
    "max_sequence_length": ("n_positions", _REQUIRED),
    "dropout": ("resid_pdrop", 0.1),
    "attention_dropout": ("attn_pdrop", 0.1),
    "embedding_dropout": ("embd_pdrop", 0.1),
    "layer_norm_epsilon": ("layer_norm_epsilon", 1e-5),
}
# Key: the values that change nothing. Any other makes a model that the zoo does not have.
_ONLY = {
    "add_cross_attention": (False, None),
    "is_encoder_decoder": (False, None),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
}
# Their values change what is computed, in ways that are followed.
_FLAGS = {
    "tie_word_embeddings": True,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    # Of precision alone: the zoo takes every softmax in float32.
    "reorder_and_upcast_attn": False,
}
_CLASSES = ("GPT2LMHeadModel", "GPT2Model")
# Masks that old versions of transformers saved, and heads that are left behind.
_BUFFERS = (r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)",)
_HEADS = (r"score\..*", r"classifier\..*", r"qa_outputs\..*", r"multiple_choice_head\..*")


def is_gpt2(content):
    """Whether a config.json's content is of a GPT-2."""
    return content.get("model_type") == MODEL_TYPE


def load_gpt2(directory, kind=None, dtype=None):
    """Reads a GPT-2 from a Hugging Face directory, with the weights it was saved with.

    Attention scaled in another way than by the width of a head is the same as queries of another length, so those are
    what such a model gets.

    Args:
        directory: A directory with config.json and model.safetensors, whole or in shards.
        kind: "language_model", which leaves any other head behind; if None, config.json must name a model without one.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel` of kind "language_model".

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and tensors missing, unexpected or
            of another shape, each by name.
    """
    files = DirectoryFiles.of(directory)
    check_language_model(kind, files.path)
    content, path = files.config, files / CONFIG_FILE
    architectures = content.get("architectures")
    if kind is None and (not architectures or architectures[0] not in _CLASSES):
        raise UserError(
            f"{path}: architectures {architectures!r} names no model that the zoo has; load the language model alone "
            f'with kind="{LANGUAGE_MODEL}"'
        )
    flags = _flags(content, path)
    arguments = {**_model_arguments(content, path), "tied_embeddings": flags["tie_word_embeddings"]}
    tensors = SafetensorsFiles(files.path)
    model = make_gpt2(arguments, path, dtype)
    prefix = PREFIX if any(name.startswith(PREFIX) for name in tensors.shapes) else ""
    copies = {OUTPUT_MATRIX: f"{prefix}wte.weight"} if model.tied_embeddings else None
    assign_tensors(model, tensors, tensor_names(model, prefix), [*_BUFFERS, *_HEADS] if kind else _BUFFERS, copies)
    _scale_queries(model, flags)
    return ForeignModel(directory=files.path, model=model, kind=LANGUAGE_MODEL)


def tensor_names(model, prefix=PREFIX):
    """`TensorName` of every weight of a `GPT2`."""

    def spelled(layer, weight):
        return f"{prefix}{layer}.{'bias' if weight in ('bias', 'beta') else 'weight'}"

    names = gpt2_names(model.num_layers, spelled)
    return names if model.tied_embeddings else [*names, TensorName("output_embedding.embeddings", OUTPUT_MATRIX)]


def gpt2_to_hugging_face(model, end_token_id=None):
    """What `load_gpt2` and transformers' GPT2LMHeadModel read a built `GPT2` from.

    Args:
        model: The model.
        end_token_id: Of the tokenizer: what ends a text, and begins one; None if there is no such token.

    Returns:
        The content of config.json, and float32 numpy arrays by the names of tensors.
    """
    config = model.get_config()
    if config["embedding_dropout"] is None:
        config["embedding_dropout"] = config["dropout"]
    content = {
        "architectures": [_CLASSES[0]],
        "model_type": MODEL_TYPE,
        **{theirs: config[ours] for ours, (theirs, _) in _KEYS.items()},
        "n_inner": config["intermediate_dim"],
        "activation_function": activation_name(config["activation"]),
        **_FLAGS,
        "tie_word_embeddings": model.tied_embeddings,
        "bos_token_id": end_token_id,
        "eos_token_id": end_token_id,
        "initializer_range": 0.02,
        "dtype": "float32",
    }
    return content, tensors_by_name(model, tensor_names(model))


def _flags(content, path):
    for key, values in _ONLY.items():
        if content.get(key) not in values:
            raise UserError(f"{path}: {key} {content[key]!r} is not supported; it must be {values[0]!r}")
    flags = {key: content.get(key, default) for key, default in _FLAGS.items()}
    for key, value in flags.items():
        if not isinstance(value, bool):
            raise UserError(f"{path}: {key} {value!r} is not supported; it must be true or false")
    return flags


def _model_arguments(content, path):
    """Arguments of `GPT2`."""
    absent = [key for key, default in _KEYS.values() if default is _REQUIRED and content.get(key) is None]
    if absent:
        raise UserError(f"{path} is damaged: it lacks {', '.join(absent)}; copy it again")
    arguments = {}
    for ours, (key, default) in _KEYS.items():
        value = content.get(key, default)
        wanted = int if default is _REQUIRED else (int, float)
        if not isinstance(value, wanted) or isinstance(value, bool) or value < (default is _REQUIRED):
            raise UserError(f"{path}: {key} {value!r} is not supported")
        arguments[ours] = value
    if arguments["embedding_dropout"] == arguments["dropout"]:
        arguments["embedding_dropout"] = None
    inner = content.get("n_inner")
    if inner is not None and (not isinstance(inner, int) or isinstance(inner, bool) or inner < 1):
        raise UserError(f"{path}: n_inner {inner!r} is not supported")
    arguments["intermediate_dim"] = 4 * arguments["hidden_dim"] if inner is None else inner
    name = content.get("activation_function", "gelu_new")
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise UserError(f"{path}: activation_function {name!r} is not supported; supported are {known}")
    return {**arguments, "activation": ACTIVATIONS[name]}


def _scale_queries(model, flags):
    for i, block in enumerate(model.decoder_blocks):
        attention = block.self_attention
        factor = 1.0 if flags["scale_attn_weights"] else math.sqrt(attention.head_dim)
        if flags["scale_attn_by_inverse_layer_idx"]:
            factor /= i + 1
        if factor != 1.0:
            for weight in attention.query.weights:
                weight.assign(ops.convert_to_tensor(weight) * factor)
