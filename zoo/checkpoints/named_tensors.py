"""Weights by name: which variable of a model is which tensor of a file, all checked before any is set."""

import abc
import re

import numpy as np
from keras import ops

from zoo.errors import UserError


class NamedTensors(abc.ABC):
    """The tensors of a file, which are read one by one.

    Args:
        origin: What error messages call the file or directory.

    Attributes:
        origin: The same, as a str.
        shapes: Shape by name, a tuple of ints.
    """

    def __init__(self, origin):
        self.origin = str(origin)
        self.shapes, self._sources = {}, {}

    def add(self, name, shape, source):
        """Makes a tensor known that `_read` finds by `source`.

        Raises:
            UserError: for a second one of the same name.
        """
        if name in self.shapes:
            raise UserError(f"{self.origin} holds {name} twice")
        self.shapes[name], self._sources[name] = tuple(shape), source

    def rename(self, new_name):
        """Gives every tensor the name that `new_name` makes of its own.

        Raises:
            UserError: if two would have the same.
        """
        shapes, sources = self.shapes, self._sources
        self.shapes, self._sources = {}, {}
        for name in shapes:
            self.add(new_name(name), shapes[name], sources[name])

    def read(self, name) -> np.ndarray:
        """The values of one tensor, in the dtype of the file."""
        return self._read(name, self._sources[name])

    @abc.abstractmethod
    def _read(self, name, source) -> np.ndarray:
        """The values; raises UserError where they cannot be read."""


def variable_at(model, path):
    """The variable at a path such as "encoder_blocks.0.feed_forward.up_projection.kernel"."""
    found = model
    for part in path.split("."):
        found = found[int(part)] if part.isdigit() else getattr(found, part)
    return found


def assign_tensors(model, tensors, names, ignored=(), copies=None):
    """Sets every weight of a model from a file, one tensor in memory at a time.

    Args:
        model: A built `keras.Model`.
        tensors: The file's `NamedTensors`.
        names: `TensorName` of every weight of the model.
        ignored: Regular expressions of whole names that may be in the file and are not used.
        copies: For names that may be in the file, the name of the tensor that they must equal.

    Raises:
        UserError: that lists every tensor missing, unexpected or of another shape, before any weight is set; and for
            a tensor of `copies` that is not equal.
    """
    copies = copies or {}
    _check_names(model, tensors, names, ignored, copies)
    for copy, original in copies.items():
        if copy in tensors.shapes and not np.array_equal(tensors.read(copy), tensors.read(original)):
            raise UserError(
                f"{tensors.origin}: {copy} differs from {original}; models whose output matrix is not the table of "
                "token vectors are not supported"
            )
    for name in names:
        values = tensors.read(name.theirs)
        values = values.T if name.transposed else values
        if name.part is not None:
            index, count = name.part
            values = np.split(values, count, axis=-1)[index]
        variable = variable_at(model, name.ours)
        if name.columns is not None:
            values = values[..., name.columns[0] : name.columns[0] + variable.shape[-1]]
        variable.assign(values)


def _check_names(model, tensors, names, ignored, copies):
    shapes = tensors.shapes
    wanted = {}
    for name in names:
        shape = tuple(variable_at(model, name.ours).shape)
        if name.part is not None:
            shape = (*shape[:-1], shape[-1] * name.part[1])
        if name.columns is not None:
            shape = (*shape[:-1], name.columns[1])
        wanted[name.theirs] = shape[::-1] if name.transposed else shape
    may_be_there = re.compile("|".join(f"(?:{pattern})" for pattern in ignored) or r"(?!)")
    unexpected = [
        name for name in shapes if name not in wanted and name not in copies and not may_be_there.fullmatch(name)
    ]
    faults = {
        "missing": [name for name in wanted if name not in shapes],
        "unexpected": sorted(unexpected),
        "of another shape": [
            f"{name} {list(shapes[name])} instead of {list(shape)}"
            for name, shape in wanted.items()
            if name in shapes and shapes[name] != shape
        ],
    }
    if any(faults.values()):
        found = "; ".join(f"{fault}: {', '.join(listed)}" for fault, listed in faults.items() if listed)
        raise UserError(
            f"{tensors.origin} does not hold the weights of the model that its configuration names: {found}"
        )


def tensors_by_name(model, names):
    """float32 numpy arrays of a model's weights by the names of a file, contiguous in the file's orientation."""
    found, parts = {}, {}
    for name in names:
        values = ops.convert_to_numpy(variable_at(model, name.ours)).astype("float32", order="C")
        if name.part is not None or name.columns is not None:
            place = (name.part or name.columns)[0]
            parts.setdefault((name.theirs, name.transposed), {})[place] = values
        else:
            found[name.theirs] = np.ascontiguousarray(values.T if name.transposed else values)
    for (theirs, transposed), by_place in parts.items():
        whole = np.concatenate([by_place[place] for place in sorted(by_place)], axis=-1)
        found[theirs] = np.ascontiguousarray(whole.T if transposed else whole)
    return found
