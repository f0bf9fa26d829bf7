"""The TensorFlow models of transformers 4: config.json and tf_model.h5, the HDF5 format of Keras 2."""

import h5py
import numpy as np

from zoo.architectures.tensor_name import TensorName
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.encoder_configuration import EncoderConfiguration
from zoo.checkpoints.hugging_face.reading import architecture_in
from zoo.checkpoints.hugging_face.safetensors_files import pickle_advice
from zoo.checkpoints.named_tensors import NamedTensors, assign_tensors
from zoo.errors import UserError

WEIGHTS_FILE = "tf_model.h5"
MODEL_TYPES = ("bert", "distilbert", "roberta", "xlm-roberta", "camembert")
"""Families whose files are read; the classes of the others name some layers in ways of their own."""
_PARTS = {
    "dense": ("kernel", "bias"),
    "norm": ("gamma", "beta"),
}


# What h5py raises for files and groups that are missing, damaged or of another layout.
_READ_ERRORS = (OSError, KeyError, AttributeError, RuntimeError, ValueError)


class Hdf5Tensors(NamedTensors):
    """The weights in an HDF5 file of Keras 2, under the names of the PyTorch files with Keras's endings.

    Used as a context, at whose end the file is closed.

    Args:
        path: The file.

    Raises:
        UserError: for a missing, damaged or foreign file.
    """

    def __init__(self, path):
        super().__init__(path)
        try:
            self._file = h5py.File(path, "r")
        except _READ_ERRORS as error:
            raise self._damaged(error) from error

    def __enter__(self):
        try:
            for layer in _strings(self._file.attrs["layer_names"]):
                group = self._file[layer]
                for name in _strings(group.attrs["weight_names"]):
                    self._add_once(_dotted(name), group[name])
        except _READ_ERRORS as error:
            self._file.close()
            raise self._damaged(error) from error
        return self

    def __exit__(self, *_):
        self._file.close()

    def _damaged(self, error):
        reason = " ".join(str(error).split())
        return UserError(f"{self.origin} is missing, damaged or no HDF5 file of Keras 2 weights ({reason})")

    def _add_once(self, name, values):
        """A weight that two layers share is stored with each of them."""
        if name not in self.shapes:
            self.add(name, values.shape, values)
        elif not np.array_equal(self.read(name), values[()]):
            self._file.close()
            raise UserError(f"{self.origin} holds {name} twice, with different values")

    def _read(self, name, source):
        try:
            return source[()]
        except OSError as error:
            raise UserError(f"{self.origin}: the weight {name} cannot be read: {error}") from error


def load_keras2_hdf5(directory, kind=None, dtype=None):
    """Reads a BERT, DistilBERT or RoBERTa that a TensorFlow class of transformers 4 saved, such as TFBertModel.

    Args:
        directory: A directory with config.json and tf_model.h5.
        kind, dtype: As in `load_hugging_face`.

    Returns:
        A `ForeignModel`.

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and weights missing, unexpected
            or of another shape, each by name.
    """
    files = DirectoryFiles.of(directory)
    architecture = architecture_in(files)
    if architecture.group != "encoder" or architecture.model_type not in MODEL_TYPES:
        pickle = pickle_advice(files.path)
        raise UserError(
            f"{files / CONFIG_FILE}: a model of type {files.config['model_type']!r} is read from safetensors files only"
            + ("" if pickle is None else f"; {pickle}")
        )
    configuration = EncoderConfiguration(files.config, files / CONFIG_FILE, architecture)
    kind = configuration.choose_kind(kind)
    with Hdf5Tensors(files / WEIGHTS_FILE) as tensors:
        model = configuration.make_model(kind, tensors.shapes, dtype)
        tensors.rename(lambda name: architecture.name_in_model(name, model))
        assign_tensors(model, tensors, _names(architecture.rules_of_model(model)), architecture.unused_names(model))
    return configuration.describe(kind, model)


def _names(rules):
    found = []
    for rule in rules:
        if rule.kind in _PARTS:
            found += [TensorName(f"{rule.ours}.{part}", f"{rule.theirs}.{part}") for part in _PARTS[rule.kind]]
        else:
            found.append(TensorName(rule.ours, rule.theirs + (".table" if rule.kind == "table" else "")))
    return found


def _dotted(name):
    """Keras's name of a weight in the spelling of the rules.

    "tf_bert_for_masked_lm/mlm___cls/predictions/bias:0" becomes "cls.predictions.bias".
    """
    parts = name.removesuffix(":0").split("/")[1:]
    # A part before ___ is the name of an attribute, put there to tell layers of one name apart.
    parts = [part.split("___")[-1].replace("layer_._", "layer.") for part in parts]
    if parts[-2:-1] and parts[-2].endswith("_embeddings") and parts[-1] in ("weight", "embeddings"):
        parts[-1] = "table"
    return ".".join(parts)


def _strings(values):
    return [value.decode() if isinstance(value, bytes) else value for value in values]
