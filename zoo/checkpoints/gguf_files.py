"""Language models of GGUF files, the format of llama.cpp, whose weights may be quantised: they are read as floats.

Needs the package gguf (extra `gguf`).
"""

from pathlib import Path

import numpy as np

from zoo.architectures import architecture_named
from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.architectures.rotary_keys import read_rotary
from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, ForeignModel, check_kind
from zoo.checkpoints.gguf_families import FAMILIES
from zoo.checkpoints.named_tensors import NamedTensors, assign_tensors
from zoo.errors import UserError
from zoo.layers.rotary_positions import RotaryPositions

SUFFIX = ".gguf"
# The tensor that divides the frequencies of Llama 3.1 and later, and what it is computed from: files have the result.
_FREQUENCIES = "rope_freqs.weight"
_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


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
    family, content = _configuration(reader, path)
    architecture = architecture_named(family.model_type)
    assert architecture is not None and architecture.group == LANGUAGE_MODEL, "families are of the zoo's decoders"
    tensors = GgufTensors(reader, path, family, content)
    if tensors.frequencies is not None:
        content["rope_scaling"] = _scaling_of(tensors.frequencies, content, path)
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
    """The `GgufFamily` of a file, and what config.json would say."""
    values = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.")}
    name = values.get("general.architecture")
    if name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UserError(f"{path}: general.architecture {name!r} is not supported; supported are {known}")
    family = FAMILIES[name]
    own = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
    content = {theirs: own.pop(key) for key, theirs in family.keys.items() if key in own}
    heads, width = content.get("num_attention_heads"), content.get("hidden_size")
    for key in ("embedding_length", "attention.head_count", "block_count"):
        size = content.get(family.keys[key])
        if not isinstance(size, int) or size < 1:
            raise UserError(f"{path}: {name}.{key} {size!r} is not supported; it must be a positive number")
    content.setdefault("head_dim", width // heads)
    family.further(content, own, lambda key, reason: UserError(f"{path}: {name}.{key} is not supported: {reason}"))
    if own.get("rope.scaling.type") == "linear":
        content["rope_scaling"] = {
            "rope_type": own.pop("rope.scaling.type"),
            "factor": own.pop("rope.scaling.factor", 0),
        }
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
    return family, {**content, "model_type": family.model_type}


def _scaling_of(divisors, content, path):
    """What config.json would say for frequencies of positions to be divided by these numbers, `[K / 2]`."""
    scaling = {"rope_type": "llama3", "factor": float(divisors.max()), **_LLAMA3}
    keys = ConfigurationKeys({"rope_theta": content.get("rope_theta", 10000.0), "rope_scaling": scaling}, path)
    rotary = read_rotary(keys, 10000.0)
    plain, scaled = (
        RotaryPositions(content["head_dim"], rotary["rotary_base"], each).frequencies
        for each in (None, rotary["rotary_scaling"])
    )
    if divisors.shape != plain.shape or not np.allclose(plain / scaled, divisors, rtol=1e-4):
        raise UserError(f"{path}: the tensor {_FREQUENCIES} is not supported: its numbers are not those of Llama 3.1")
    return scaling


class GgufTensors(NamedTensors):
    """The tensors of a GGUF file under the names that they have in Hugging Face directories, each read as float32.

    Args:
        reader: `gguf.GGUFReader`.
        path: What error messages call the file.
        family: `GgufFamily`.
        content: As in config.json.

    Attributes:
        frequencies: Numbers that divide the frequencies of rotary positions, float32 `[K / 2]`; None if there are none.
    """

    def __init__(self, reader, path, family, content):
        super().__init__(path)
        self._heads, self._family = {}, family
        self.frequencies = None
        for tensor in reader.tensors:
            if tensor.name == _FREQUENCIES and family.interleaved:
                self.frequencies = self._floats(tensor)
                continue
            name = _their_name(tensor.name, path, family.names)
            self.add(name, [int(size) for size in reversed(tensor.shape)], tensor)
            for part, key in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
                if family.interleaved and f".{part}." in name:
                    self._heads[name] = content.get(key) or content["num_attention_heads"]

    def _read(self, name, source):
        values = self._floats(source).reshape(self.shapes[name])
        if name in self._heads:
            # Pairs of neighbours become pairs of halves.
            halves = values.reshape(self._heads[name], -1, 2, *values.shape[1:])
            values = halves.swapaxes(1, 2).reshape(values.shape)
        if self._family.unit_norms and name.endswith("norm.weight"):
            values = values - 1
        return values

    def _floats(self, source):
        from gguf import dequantize

        try:
            values = dequantize(source.data, source.tensor_type)
        except (NotImplementedError, ValueError) as error:
            kind = getattr(source.tensor_type, "name", source.tensor_type)
            raise UserError(f"{self.origin}: {source.name} is of kind {kind}, which is not supported") from error
        return np.asarray(values, "float32")


def _their_name(name, path, names):
    parts = name.split(".")
    prefix = ""
    if parts[0] == "blk" and len(parts) == 4:
        prefix, parts = f"model.layers.{parts[1]}.", parts[2:]
    if len(parts) != 2 or parts[0] not in names:
        raise UserError(f"{path}: the tensor {name} is not supported")
    return f"{prefix}{names[parts[0]]}.{parts[1]}"
