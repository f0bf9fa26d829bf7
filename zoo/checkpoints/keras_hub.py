"""Encoders and GPT-2 from the preset directories of KerasHub, which its own package reads (extra `hub`)."""

import json
import math
from pathlib import Path

from keras import ops

from zoo.checkpoints.bert_families import Rule, expand
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.gpt2 import LANGUAGE_MODEL, make_gpt2
from zoo.checkpoints.named_tensors import NamedTensors, TensorName, assign_tensors
from zoo.errors import UserError
from zoo.models import Encoder
from zoo.tokenizers import BytePairTokenizer, WordPieceTokenizer

CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
VOCABULARY_FILE = "assets/tokenizer/vocabulary.txt"
BYTE_PAIR_FILES = ("assets/tokenizer/vocabulary.json", "assets/tokenizer/merges.txt")
_SIZES = (
    "vocabulary_size",
    "hidden_dim",
    "intermediate_dim",
    "num_heads",
    "num_layers",
    "max_sequence_length",
    "dropout",
)
# By class of KerasHub: what its code fixes, and what it calls the layer that holds the tables.
_BACKBONES = {
    "BertBackbone": (dict(activation="gelu_approximate", layer_norm_epsilon=1e-12, pooler=True), ""),
    "DistilBertBackbone": (
        dict(activation="gelu", layer_norm_epsilon=1e-12, pooler=False, num_segments=0),
        "token_and_position_embedding/",
    ),
    "RobertaBackbone": (
        dict(activation="gelu", layer_norm_epsilon=1e-5, pooler=False, num_segments=0),
        "embeddings/",
    ),
}
_LAYERS = (
    Rule("norm", "embedding_norm", "embeddings_layer_norm"),
    Rule("dense", "encoder_blocks.{i}.self_attention.query", "transformer_layer_{i}/self_attention_layer/query"),
    Rule("dense", "encoder_blocks.{i}.self_attention.key", "transformer_layer_{i}/self_attention_layer/key"),
    Rule("dense", "encoder_blocks.{i}.self_attention.value", "transformer_layer_{i}/self_attention_layer/value"),
    Rule(
        "dense",
        "encoder_blocks.{i}.self_attention.output_projection",
        "transformer_layer_{i}/self_attention_layer/attention_output",
    ),
    Rule("norm", "encoder_blocks.{i}.self_attention_norm", "transformer_layer_{i}/self_attention_layer_norm"),
    Rule("dense", "encoder_blocks.{i}.feed_forward.expand", "transformer_layer_{i}/feedforward_intermediate_dense"),
    Rule("dense", "encoder_blocks.{i}.feed_forward.contract", "transformer_layer_{i}/feedforward_output_dense"),
    Rule("norm", "encoder_blocks.{i}.feed_forward_norm", "transformer_layer_{i}/feedforward_layer_norm"),
)
_POOLER = Rule("dense", "pooler", "pooled_dense")
_GPT2 = "GPT2Backbone"
_GPT2_LAYERS = (
    Rule("norm", "decoder_blocks.{i}.self_attention_norm", "transformer_layer_{i}/self_attention_layer_norm"),
    Rule("dense", "decoder_blocks.{i}.self_attention.query", "transformer_layer_{i}/self_attention/query"),
    Rule("dense", "decoder_blocks.{i}.self_attention.key", "transformer_layer_{i}/self_attention/key"),
    Rule("dense", "decoder_blocks.{i}.self_attention.value", "transformer_layer_{i}/self_attention/value"),
    Rule(
        "dense",
        "decoder_blocks.{i}.self_attention.output_projection",
        "transformer_layer_{i}/self_attention/attention_output",
    ),
    Rule("norm", "decoder_blocks.{i}.feed_forward_norm", "transformer_layer_{i}/feedforward_layer_norm"),
    Rule("dense", "decoder_blocks.{i}.feed_forward.expand", "transformer_layer_{i}/feedforward_intermediate_dense"),
    Rule("dense", "decoder_blocks.{i}.feed_forward.contract", "transformer_layer_{i}/feedforward_output_dense"),
    Rule("norm", "final_norm", "layer_norm"),
)
_PARTS = {"dense": ("kernel", "bias"), "norm": ("gamma", "beta")}


class BackboneTensors(NamedTensors):
    """The weights of a KerasHub backbone by path, those of attention heads joined to one matrix."""

    def __init__(self, origin, backbone):
        super().__init__(origin)
        for weight in backbone.weights:
            self.add(weight.path, _joined_heads(weight), weight)

    def _read(self, name, source):
        return ops.convert_to_numpy(source).reshape(self.shapes[name])


def is_keras_hub(directory):
    """Whether a directory is a preset of KerasHub, readable for the zoo or not."""
    try:
        config = json.loads((Path(directory) / CONFIG_FILE).read_text(encoding="utf-8"))
        return config["registered_name"].startswith("keras_hub>")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def load_keras_hub(directory, kind=None, dtype=None):
    """Reads the encoder of a BERT, DistilBERT or RoBERTa preset of KerasHub, or a GPT-2; a task's head is left behind.

    Args:
        directory: A preset directory, as `keras_hub.models.Backbone.save_to_preset` writes it.
        kind: "encoder" or "language_model", whichever the preset holds, or None.
        dtype: A Keras dtype policy; the global one if None.

    Returns:
        A `ForeignModel` of kind "encoder" or "language_model".

    Raises:
        UserError: for a directory that is no such preset, of another kind or cannot be read, and without the package
            keras-hub.
    """
    directory = Path(directory)
    path = directory / CONFIG_FILE
    if not is_keras_hub(directory):
        raise UserError(f"{directory} is no preset of KerasHub: {CONFIG_FILE} does not name a class of it")
    name = json.loads(path.read_text(encoding="utf-8")).get("class_name")
    if name not in (*_BACKBONES, _GPT2):
        known = ", ".join((*_BACKBONES, _GPT2))
        raise UserError(f"{path}: class_name {name!r} is not supported; supported are {known}")
    found = LANGUAGE_MODEL if name == _GPT2 else "encoder"
    if kind not in (found, None):
        raise UserError(f'{directory}: of a {name} of KerasHub only the {found} is read; use kind="{found}"')
    try:
        import keras_hub
    except ImportError as error:
        raise UserError(
            f"{directory} is a preset of KerasHub; install keras-transformer-zoo[hub] to read it ({error})"
        ) from error
    try:
        backbone = keras_hub.models.Backbone.from_preset(str(directory))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{directory} cannot be read as a preset: {' '.join(str(error).split())[:300]}") from error
    # KerasHub has one rate for everything.
    sizes = {size: getattr(backbone, size) for size in _SIZES} | {"attention_dropout": backbone.dropout}
    if name == _GPT2:
        model = make_gpt2(sizes, path, dtype)
        assign_tensors(model, BackboneTensors(directory, backbone), _names(model, "", _GPT2_LAYERS))
    else:
        model = _load_encoder(directory, name, backbone, sizes, dtype)
    return ForeignModel(directory=directory, model=model, kind=found)


def _load_encoder(directory, name, backbone, sizes, dtype):
    fixed, tables = _BACKBONES[name]
    if "num_segments" not in fixed:
        sizes["num_segments"] = backbone.num_segments
    model = Encoder(**sizes, **fixed, dtype=dtype)
    model.build()
    names = _names(model, tables, (*_LAYERS, *((_POOLER,) if model.pooler is not None else ())))
    if model.segment_embedding is not None:
        names.append(TensorName("segment_embedding.embeddings", f"{tables}segment_embedding/embeddings"))
    assign_tensors(model, BackboneTensors(directory, backbone), names)
    return model


def load_keras_hub_tokenizer(directory):
    """Reads the WordPiece or byte-pair tokenizer of a KerasHub preset, as its files describe it.

    Raises:
        UserError: for missing or damaged files and other kinds of tokenizers.
    """
    path = Path(directory) / TOKENIZER_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, config = content["class_name"], content["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); copy the preset again") from error
    if name == "GPT2Tokenizer":
        files = (Path(directory) / file for file in BYTE_PAIR_FILES)
        return BytePairTokenizer.from_files(*files, add_prefix_space=config.get("add_prefix_space", False))
    if name not in ("BertTokenizer", "DistilBertTokenizer") or config.get("suffix_indicator", "##") != "##":
        raise UserError(f"{path}: the tokenizer {name!r} is not supported; supported are those of BERT and GPT-2")
    return WordPieceTokenizer.from_vocabulary_file(
        Path(directory) / VOCABULARY_FILE,
        lowercase=config.get("lowercase", False),
        strip_accents=config.get("strip_accents", False),
    )


def _joined_heads(weight):
    """The shape of a weight with heads and their dimension as one."""
    if not {"self_attention_layer", "self_attention"} & set(weight.path.split("/")):
        return tuple(weight.shape)
    if weight.path.endswith("attention_output/kernel"):
        return math.prod(weight.shape[:-1]), weight.shape[-1]
    if weight.path.endswith("kernel"):
        return weight.shape[0], math.prod(weight.shape[1:])
    return (math.prod(weight.shape),)


def _names(model, tables, layers):
    """`TensorName` of the two tables that all have, below the layer that holds them, and of each layer's weights."""
    names = [
        TensorName("token_embedding.embeddings", f"{tables}token_embedding/embeddings"),
        TensorName("position_embedding.table", f"{tables}position_embedding/embeddings"),
    ]
    for layer in expand(layers, model.num_layers):
        names += [TensorName(f"{layer.ours}.{part}", f"{layer.theirs}/{part}") for part in _PARTS[layer.kind]]
    return names
