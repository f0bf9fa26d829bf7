"""Tensors of a Hugging Face directory: one safetensors file, or several with an index."""

import json
from pathlib import Path

import ml_dtypes  # noqa: F401  gives numpy the name bfloat16
from safetensors import SafetensorError, safe_open

from zoo.errors import UserError

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_CONVERSION = (
    "import torch; from safetensors.torch import save_file; "
    "save_file({name: tensor.clone() for name, tensor in "
    "torch.load('%s', map_location='cpu', weights_only=True).items()}, 'model.safetensors')"
)


class SafetensorsFiles:
    """The tensors of a directory, memory-mapped and read one by one.

    Args:
        directory: A directory with model.safetensors, or with model.safetensors.index.json and the files it names.

    Attributes:
        origin: The directory's path.
        shapes: Shape by name; names in the spelling of new files: LayerNorm.weight, not LayerNorm.gamma.

    Raises:
        UserError: for missing, damaged or contradictory files, naming the file, and for a directory of pickles.
    """

    def __init__(self, directory):
        directory = Path(directory)
        self.origin = str(directory)
        self._files, self._names, self.shapes = {}, {}, {}
        index = directory / INDEX_FILE
        if (directory / WEIGHTS_FILE).is_file():
            for name, file in self._open(directory / WEIGHTS_FILE):
                self._add(name, file)
        elif index.is_file():
            self._open_shards(directory, _read_weight_map(index))
        else:
            raise UserError(_why_not(directory))

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
        found = {}
        for shard in sorted(set(weight_map.values())):
            found[shard] = dict(self._open(directory / shard))
            extra = sorted(name for name in found[shard] if weight_map.get(name) != shard)
            if extra:
                raise UserError(f"{directory / shard} holds tensors that {INDEX_FILE} does not: {', '.join(extra)}")
        absent = [f"{name} in {shard}" for name, shard in weight_map.items() if name not in found[shard]]
        if absent:
            raise UserError(f"{directory / INDEX_FILE} names tensors that are not there: {', '.join(absent)}")
        for name, shard in weight_map.items():
            self._add(name, found[shard][name])

    def _add(self, name, file):
        """Files written before 2020 carry TensorFlow's names of the two parts of a normalisation."""
        modern = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if modern in self.shapes:
            raise UserError(f"{self.origin} holds {modern} twice, also as {self._names[modern]} or {name}")
        self._files[modern], self._names[modern] = file, name
        self.shapes[modern] = tuple(file.get_slice(name).get_shape())

    def read(self, name):
        """numpy values of one tensor, in the dtype of the file."""
        try:
            return self._files[name].get_tensor(self._names[name])
        except (SafetensorError, TypeError) as error:
            raise UserError(f"{self.origin}: the tensor {name} cannot be read: {error}") from error

    def rename(self, new_name):
        """Gives every tensor the name that `new_name` makes of its own."""
        names = {name: new_name(name) for name in self.shapes}
        if len(set(names.values())) < len(names):
            twice = sorted(name for name in names if name != names[name] and names[name] in names)
            raise UserError(f"{self.origin} holds tensors twice, with a prefix and without: {', '.join(twice)}")
        self._files, self._names, self.shapes = (
            {names[name]: value for name, value in table.items()} for table in (self._files, self._names, self.shapes)
        )


def _read_weight_map(index):
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        plain = all(Path(file).name == file for file in weight_map.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index} is damaged ({error!r}); copy it again") from error
    if not plain:
        raise UserError(f"{index} names files outside its directory; do not use it")
    return weight_map


def _why_not(directory):
    """What to say of a directory without safetensors."""
    files = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    pickles = [name for name in files if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if pickles:
        code = _CONVERSION % pickles[0]
        return (
            f"{directory / pickles[0]} is a pickle, which can run any code when it is read, so it is refused; "
            f'where you trust it, convert it in its directory with: python -c "{code}"'
        )
    if "tf_model.h5" in files:
        return (
            f"{directory} holds tf_model.h5 and no {WEIGHTS_FILE}; read it with "
            "zoo.checkpoints.keras2_hdf5.load_keras2_hdf5"
        )
    return f"{directory} holds no {WEIGHTS_FILE} and no {INDEX_FILE}; download the safetensors files of the model"
