"""Adapters beside the projections of a model."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import keras

from zoo.adapters.adapter import Adapter
from zoo.errors import UserError
from zoo.layers.projection import Projection
from zoo.weights.layers_by_path import layers_by_path
from zoo.weights.weight_form import WeightForm

TARGETS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "output": "output_projection",
    "gate": "gate_projection",
    "up": "up_projection",
    "down": "down_projection",
}
"""Names of the projections in blocks, and the attributes of layers that hold them."""


class AdaptedProjections(WeightForm):
    """An adapter beside each of some projections in the blocks of a model, whose own weights are no longer trained.

    Presets and `.keras` files keep the adapters beside the matrices; `fold` makes them part of these.

    Args:
        make: Makes a new adapter for a projection, given its name among `targets`.
        targets: Which projections, names of `TARGETS`; all if None.

    Example:
        >>> model = AdaptedProjections(lambda _: LowRank(rank=8), ["query", "value"]).apply(GPT2.from_size("small"))
    """

    def __init__(self, make: Callable[[str], Adapter], targets: Iterable[str] | None = None):
        self.make = make
        self.targets = tuple(TARGETS if targets is None else targets)
        unknown = [name for name in self.targets if name not in TARGETS]
        if unknown or not self.targets:
            raise UserError(f"targets of adapters are some of {', '.join(TARGETS)}, not {', '.join(unknown) or 'none'}")

    def apply(self, model: keras.Model) -> keras.Model:
        """Adds adapters, which do not change answers before they are trained; see `WeightForm`.

        Raises:
            UserError: if the model has adapters already, or none of the projections.
        """
        if adapters_of(model):
            raise UserError("the model has adapters already: fold or drop them first")
        names = {TARGETS[name]: name for name in self.targets}
        found = {path: layer for path, layer in projections_of_blocks(model).items() if _attribute(path) in names}
        if not found:
            raise UserError(f"no projection of the model is one of {', '.join(self.targets)}, which are to be adapted")
        for path, layer in found.items():
            layer.attach(self.make(names[_attribute(path)]))
        return model

    def undo(self, model: keras.Model) -> keras.Model:
        """Drops the adapters with all that they have learned; the projections are trained again."""
        drop_adapters(model)
        return model

    def saved(self, model: keras.Model) -> dict[str, Any]:
        """By the path of each projection with an adapter, see `layers_by_path`: the adapter in Keras's own form."""
        return saved_adapters(model)


def projections_of_blocks(model: keras.Model) -> dict[str, Projection]:
    """The projections inside a model's blocks by path, see `layers_by_path`."""
    layers = layers_by_path(model).items()
    return {path: layer for path, layer in layers if isinstance(layer, Projection) and "_blocks/" in f"/{path}"}


def adapters_of(model: keras.Model) -> dict[str, Adapter]:
    """The adapters of a model by the path of the projection that each belongs to."""
    layers = layers_by_path(model).items()
    return {
        path: layer.adapter for path, layer in layers if isinstance(layer, Projection) and layer.adapter is not None
    }


def drop_adapters(model: keras.Model) -> None:
    """Takes all adapters of a model away, with all that they have learned."""
    for layer in layers_by_path(model).values():
        if isinstance(layer, Projection):
            layer.detach()


def fold_adapters(model: keras.Model) -> keras.Model:
    """Makes adapters part of the matrices and biases that they adapt, so that the model is as it was but for values.

    Returns:
        The same model; one with adapters that are no change of a matrix keeps these.

    Raises:
        UserError: if an adapted matrix is quantised.
    """
    layers = [layer for layer in layers_by_path(model).values() if isinstance(layer, Projection)]
    layers = [layer for layer in layers if layer.adapter is not None and layer.adapter.folds]
    if any(layer.quantization_mode is not None for layer in layers):
        raise UserError("adapters cannot become part of quantised matrices: keep them beside these")
    for layer in layers:
        kernel, bias = layer.folded()
        layer.detach()
        layer.kernel.assign(kernel)
        if bias is not None:
            layer.bias.assign(bias)
    return model


def saved_adapters(model: keras.Model) -> dict[str, Any]:
    """By the path of each projection with an adapter: the adapter in Keras's own form, without its values."""
    found = {path: keras.saving.serialize_keras_object(adapter) for path, adapter in adapters_of(model).items()}
    # The projection says of what shape it is.
    return {path: {key: value for key, value in form.items() if key != "build_config"} for path, form in found.items()}


def restore_adapters(model: keras.Model, saved: dict[str, Any]) -> None:
    """Adds the adapters that `saved_adapters` told of to a built model; their values are not set.

    Raises:
        ValueError: for a path that leads to no projection of the model.
    """
    layers = layers_by_path(model)
    for path, form in saved.items():
        layer = layers.get(path)
        if not isinstance(layer, Projection):
            raise ValueError(f"the model has no projection {path}, which is to have an adapter")
        # A model inside this one has restored its own by now.
        if layer.adapter is None:
            layer.attach(keras.saving.deserialize_keras_object(copy.deepcopy(form)))


def _attribute(path):
    return path.rpartition("/")[2]
