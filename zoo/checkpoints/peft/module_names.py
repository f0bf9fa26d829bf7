"""Which projection of a model is which module of transformers' model, and which of its weights lie beside adapters."""

from dataclasses import dataclass
from typing import Any

from zoo.adapters import projections_of_blocks
from zoo.architectures import architectures_of
from zoo.architectures.encoder_architecture import body_of, kind_of
from zoo.architectures.tensor_name import TensorName
from zoo.errors import UserError
from zoo.models.encoder import Encoder

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PREFIX = "base_model.model."


@dataclass(frozen=True)
class AdaptedModule:
    """One projection of ours within a module of transformers' model.

    Attributes:
        path: Of the projection, see `zoo.weights.layers_by_path`.
        projection: The `zoo.layers.Projection`.
        module: Name of the module in transformers' model.
        start, width: Where its outputs begin among those of the module, and how many those are; several projections
            may be one module.
        transposed: Whether the module holds `[N, K]`, as PyTorch's own does, and not `[K, N]`.
    """

    path: str
    projection: Any
    module: str
    start: int
    width: int
    transposed: bool


def families_of(model: Any) -> list:
    """Every family of `zoo.architectures` that a model, or its encoder, can be one of.

    Raises:
        UserError: if there is none.
    """
    return architectures_of(body_of(model))


def modules_of(model: Any, family: Any) -> tuple[list[AdaptedModule], list[TensorName]]:
    """The projections in a model's blocks as modules of transformers' model, and all its tensors by name.

    Args:
        model: A built model.
        family: One of `families_of`.

    Raises:
        UserError: for a model that no family of transformers has.
    """
    names = _tensor_names(model, family)
    kernels = {name.ours: name for name in names if name.ours.endswith(".kernel")}
    found = []
    for path, projection in projections_of_blocks(model).items():
        name = kernels.get(path.replace("/", ".") + ".kernel")
        if name is None:
            continue
        start, width = 0, projection.units
        if name.part is not None:
            start, width = name.part[0] * projection.units, name.part[1] * projection.units
        if name.columns is not None:
            start, width = name.columns
        module = name.theirs.removesuffix(".weight")
        found.append(AdaptedModule(path, projection, module, start, width, name.transposed))
    if not found:
        raise UserError(f"no projection of a {type(model).__name__} has a name in transformers")
    return found, names


def _tensor_names(model, architecture):
    """Names from the model itself; of a head that transformers does not have, those of the encoder alone."""
    body = body_of(model)
    if not isinstance(body, Encoder) and body is model:
        return architecture.tensor_names(model)
    try:
        kind_of(model)
    except UserError:
        inside = architecture.tensor_names(body)
        return [TensorName(f"encoder.{n.ours}", n.theirs, n.transposed, n.part, n.columns) for n in inside]
    return architecture.tensor_names(model)
