"""Language models of GGUF files, the format of llama.cpp, whose weights may be quantised: they are read as floats.

Needs the package gguf (extra `gguf`).
"""

from pathlib import Path

import numpy as np

from zoo.architectures import architecture_named
from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, ForeignModel, check_kind
from zoo.checkpoints.named_tensors import NamedTensors, assign_tensors
from zoo.errors import UserError

SUFFIX = ".gguf"
# What the key general.architecture may say, as does `model_type` elsewhere; Mistral's files say llama.
ARCHITECTURES = ("llama", "qwen2", "qwen3")
# In files of these, rows of queries and keys lie in the order of positions that turn neighbours together.
_INTERLEAVED = ("llama",)
_KEYS = {
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "block_count": "num_hidden_layers",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "context_length": "max_position_embeddings",
    "rope.freq_base": "rope_theta",
}
_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def is_gguf(path):
    """Whether a path is a GGUF file, by its name."""
    path = Path(path)
    return path.suffix == SUFFIX and path.is_file()


def load_gguf(path, kind=None, dtype=None):
    """Reads a language model from a GGUF file, with the weights it was saved with, quantised ones as floats.

    Args:
        path: The file.
        kind: "language_model" or None.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel` of kind "language_model".

    Raises:
        UserError: for a damaged file, another architecture, settings that the zoo does not have, kinds of quantisation
            that the package gguf cannot read, each by name, and without that package.
    """
    path = Path(path)
    check_kind(kind, LANGUAGE_MODEL, path)
    reader = open_gguf(path)
    content = _configuration(reader, path)
    architecture = architecture_named(content["model_type"])
    if architecture is None or architecture.group != LANGUAGE_MODEL:
        raise UserError(f"{path}: the zoo has no decoder of kind {content['model_type']!r}")
    tensors = GgufTensors(reader, path, content)
    content["tie_word_embeddings"] = architecture.output_matrix not in tensors.shapes
    content["vocab_size"] = tensors.shapes.get(architecture.table, (0,))[0]
    content["attention_bias"] = "model.layers.0.self_attn.q_proj.bias" in tensors.shapes
    try:
        model = architecture.model_class(**architecture.arguments(ConfigurationKeys(content, path)), dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    assign_tensors(model, tensors, architecture.tensor_names(model))
    return ForeignModel(directory=path, model=model, kind=LANGUAGE_MODEL, family=content["model_type"])


def open_gguf(path):
    """The `gguf.GGUFReader` of a file.

    Raises:
        UserError: for a damaged file, and without the package.
    """
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise UserError(f"{path} needs the package gguf: run pip install 'keras-transformer-zoo[gguf]'") from error
    try:
        return GGUFReader(path)
    except (ValueError, OSError, IndexError, KeyError, OverflowError) as error:
        raise UserError(f"{path} is damaged or no GGUF file ({error}); download it again") from error


def _configuration(reader, path):
    """What config.json would say."""
    values = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.")}
    name = values.get("general.architecture")
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"{path}: general.architecture {name!r} is not supported; supported are {known}")
    own = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
    content = {theirs: own.pop(key) for key, theirs in _KEYS.items() if key in own}
    heads, width = content.get("num_attention_heads"), content.get("hidden_size")
    if "head_dim" not in content and isinstance(width, int) and isinstance(heads, int) and heads > 0:
        content["head_dim"] = width // heads
    # What follows from others, or changes nothing.
    repeated = {
        "rope.dimension_count": content.get("head_dim"),
        "attention.value_length": content.get("head_dim"),
        "rope.scaling.type": "none",
        "vocab_size": own.get("vocab_size"),
    }
    for key, value in own.items():
        if key not in repeated or value != repeated[key]:
            raise UserError(f"{path}: {name}.{key} {value!r} is not supported")
    return {**content, "model_type": name}


class GgufTensors(NamedTensors):
    """The tensors of a GGUF file under the names that they have in Hugging Face directories, each read as float32.

    Args:
        reader: `gguf.GGUFReader`.
        path: What error messages call the file.
        content: As in config.json.
    """

    def __init__(self, reader, path, content):
        super().__init__(path)
        self._heads = {}
        for tensor in reader.tensors:
            name = _their_name(tensor.name, path)
            self.add(name, [int(size) for size in reversed(tensor.shape)], tensor)
            for part, key in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
                if content["model_type"] in _INTERLEAVED and f".{part}." in name:
                    self._heads[name] = content.get(key) or content["num_attention_heads"]

    def _read(self, name, source):
        from gguf import dequantize

        try:
            values = dequantize(source.data, source.tensor_type)
        except (NotImplementedError, ValueError) as error:
            kind = getattr(source.tensor_type, "name", source.tensor_type)
            raise UserError(f"{self.origin}: {source.name} is of kind {kind}, which is not supported") from error
        values = np.asarray(values, "float32").reshape(self.shapes[name])
        if name in self._heads:
            # Pairs of neighbours become pairs of halves.
            halves = values.reshape(self._heads[name], -1, 2, *values.shape[1:])
            values = halves.swapaxes(1, 2).reshape(values.shape)
        return values


def _their_name(name, path):
    parts = name.split(".")
    prefix = ""
    if parts[0] == "blk" and len(parts) == 4:
        prefix, parts = f"model.layers.{parts[1]}.", parts[2:]
    if len(parts) != 2 or parts[0] not in _NAMES:
        raise UserError(f"{path}: the tensor {name} is not supported")
    return f"{prefix}{_NAMES[parts[0]]}.{parts[1]}"
