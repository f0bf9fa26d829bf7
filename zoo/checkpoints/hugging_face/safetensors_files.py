"""Tensors of a Hugging Face directory: one safetensors file, or several with an index."""

import json
from pathlib import Path

import ml_dtypes  # noqa: F401  gives numpy the name bfloat16
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from zoo.checkpoints.named_tensors import NamedTensors
from zoo.errors import UserError

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_CONVERSION = (
    "import torch; from safetensors.torch import save_file; "
    "save_file({name: tensor.clone() for name, tensor in "
    "torch.load('%s', map_location='cpu', weights_only=True).items()}, 'model.safetensors')"
)


class SafetensorsFiles(NamedTensors):
    """The tensors of a directory, memory-mapped and read one by one.

    Their names are in the spelling of new files: LayerNorm.weight, not LayerNorm.gamma.

    Args:
        directory: A directory with model.safetensors, or with model.safetensors.index.json and the files it names.

    Raises:
        UserError: for missing, damaged or contradictory files, naming the file, and for a directory of pickles.
    """

    def __init__(self, directory):
        directory = Path(directory)
        super().__init__(directory)
        index = directory / INDEX_FILE
        if (directory / WEIGHTS_FILE).is_file():
            files = dict(self._open(directory / WEIGHTS_FILE))
        elif index.is_file():
            files = self._open_shards(directory, _read_weight_map(index))
        else:
            raise UserError(_why_not(directory))
        for name, file in files.items():
            # Files written before 2020 carry TensorFlow's names of the two parts of a normalisation.
            modern = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
            self.add(modern, file.get_slice(name).get_shape(), (file, name))

    def _open(self, path):
        """Pairs of tensor name and open file."""
        if not path.is_file():
            raise UserError(f"{path} is missing; copy the directory again")
        try:
            file = safe_open(path, framework="numpy")
            names = file.keys()
        except (SafetensorError, OSError) as error:
            raise UserError(f"{path} is damaged or no safetensors file ({error}); copy it again") from error
        return [(name, file) for name in names]

    def _open_shards(self, directory, weight_map):
        """Open files by tensor name."""
        found = {}
        for shard in sorted(set(weight_map.values())):
            found[shard] = dict(self._open(directory / shard))
            extra = sorted(name for name in found[shard] if weight_map.get(name) != shard)
            if extra:
                raise UserError(f"{directory / shard} holds tensors that {INDEX_FILE} does not: {', '.join(extra)}")
        absent = [f"{name} in {shard}" for name, shard in weight_map.items() if name not in found[shard]]
        if absent:
            raise UserError(f"{directory / INDEX_FILE} names tensors that are not there: {', '.join(absent)}")
        return {name: found[shard][name] for name, shard in weight_map.items()}

    def _read(self, name, source):
        file, stored = source
        try:
            return file.get_tensor(stored)
        except (SafetensorError, TypeError) as error:
            raise UserError(f"{self.origin}: the tensor {name} cannot be read: {error}") from error


def write_tensors(tensors, path):
    """Writes numpy arrays by name as one safetensors file.

    The package stores the memory of an array as it lies, so a transposed view would come back with other numbers.
    """
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, path, {"format": "pt"})


def _read_weight_map(index):
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        plain = all(Path(file).name == file for file in weight_map.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index} is damaged ({error!r}); copy it again") from error
    if not plain:
        raise UserError(f"{index} names files outside its directory; do not use it")
    return weight_map


def pickle_advice(directory):
    """What to say of a directory whose weights are a pickle of PyTorch; None if it holds none."""
    files = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    pickles = [name for name in files if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if not pickles:
        return None
    code = _CONVERSION % pickles[0]
    return (
        f"{directory / pickles[0]} is a pickle, which can run any code when it is read, so it is refused; "
        f'where you trust it, convert it in its directory with: python -c "{code}"'
    )


def _why_not(directory):
    """What to say of a directory without safetensors."""
    pickle = pickle_advice(directory)
    if pickle is not None:
        return pickle
    if (directory / "tf_model.h5").is_file():
        return (
            f"{directory} holds tf_model.h5 and no {WEIGHTS_FILE}; convert it with "
            f"python -m zoo.convert {directory} NEW_DIRECTORY"
        )
    return f"{directory} holds no {WEIGHTS_FILE} and no {INDEX_FILE}; download the safetensors files of the model"
