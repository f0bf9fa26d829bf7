"""What a family of models has to say of itself to be read from KerasHub's presets and written to them."""

import abc
from typing import Any, ClassVar

import keras
import numpy as np

from zoo.architectures.rule import Rule
from zoo.architectures.tensor_name import TensorName
from zoo.errors import UserError

ATTENTION = {"query": "query", "key": "key", "value": "value", "output_projection": "attention_output"}
"""KerasHub's names of projections by ours."""
ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "gelu_approximate": "gelu_approximate", "silu": "swish"}
"""Our names of activations by KerasHub's."""
_PARTS = {"dense": ("kernel", "bias"), "norm": ("gamma", "beta"), "table": (None,), "vector": (None,)}


class KerasHubMap(abc.ABC):
    """One family, as KerasHub's code has it.

    Attributes:
        name: What messages call it.
        backbone, tokenizer: Classes of `keras_hub.models`.
        tasks: Class of `keras_hub.models` by kind of model.
        kind: Of a model without a head.
        model_class: Ours, without a head.
        fixed: Arguments of our model that KerasHub's code fixes, the same in every preset.
        sizes: Arguments of the backbone by those of our model.
        rows_before_positions: Rows of our tables of positions that no position uses; KerasHub leaves them out.
        position_tables: Names of these tables.
        may_be_untrained: Names of weights that the backbone has even where our model does not.
        weights_by_attributes: Whether names of weights are attributes of the backbone, as where paths are not unique.
    """

    name: ClassVar[str]
    backbone: ClassVar[str]
    tokenizer: ClassVar[str]
    tasks: ClassVar[dict[str, str]]
    kind: ClassVar[str]
    model_class: ClassVar[type[keras.Model]]
    fixed: ClassVar[dict[str, Any]]
    sizes: ClassVar[dict[str, str]]
    rows_before_positions: ClassVar[int] = 0
    position_tables: ClassVar[tuple[str, ...]] = ()
    may_be_untrained: ClassVar[tuple[str, ...]] = ()
    weights_by_attributes: ClassVar[bool] = False

    def holds(self, model: keras.Model) -> bool:
        """Whether KerasHub has a model of ours, without a head, in this family, if anywhere."""
        return isinstance(model, self.model_class)

    def arguments(self, backbone: keras.Model, path) -> dict[str, Any]:
        """Arguments of `model_class` after a backbone; messages name the path.

        Raises:
            UserError: for a backbone that the zoo cannot compute.
        """
        given = {ours: getattr(backbone, theirs) for ours, theirs in self.sizes.items()}
        return {**given, **self.further_arguments(given, backbone, path), **self.fixed}

    def further_arguments(self, given: dict[str, Any], backbone: keras.Model, path) -> dict[str, Any]:
        """Those that follow from `sizes`: KerasHub has one rate for everything."""
        return {"attention_dropout": given["dropout"]}

    def wanted(self, config: dict[str, Any]) -> dict[str, Any]:
        """What arguments of our model must be, by name."""
        return self.fixed

    def check(self, config: dict[str, Any]) -> None:
        """Refuses a model of ours that KerasHub's code would compute in another way.

        Args:
            config: Arguments of the model.

        Raises:
            UserError: naming the argument.
        """
        for name, value in self.wanted(config).items():
            if config[name] != value:
                raise UserError(
                    f"KerasHub has no {self.name} with {name}={config[name]!r}, only with {value!r}: its numbers would "
                    f"differ{self.advice(name, config[name])}"
                )

    def advice(self, name: str, value: Any) -> str:
        """What to do about the value of an argument, as the end of a message."""
        return ""

    def backbone_arguments(self, config: dict[str, Any]) -> dict[str, Any]:
        """Arguments of the backbone after those of our model."""
        return {theirs: config[ours] for ours, theirs in self.sizes.items()}

    @abc.abstractmethod
    def tensor_names(self, model: keras.Model) -> list[TensorName]:
        """Every weight of our model that the backbone has, and its name there."""

    def special_tokens(self, tokenizer) -> dict[str, Any]:
        """What KerasHub's preprocessor of an encoder-decoder puts around sources and before answers.

        Args:
            tokenizer: `zoo.tokenizers.Tokenizer` of the preset.

        Returns:
            Settings by name, as `zoo.tasks.SequenceToSequenceSettings` takes them.
        """
        raise NotImplementedError

    def left_behind(self, model: keras.Model) -> list[str]:
        """What is not written of a model of ours, each a phrase for the user."""
        return []

    def to_ours(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A backbone's arrays by name, and those that it lacks of our model."""
        tables = {
            name: np.pad(arrays[name], [(self.rows_before_positions, 0), (0, 0)]) for name in self.position_tables
        }
        return {**arrays, **tables}

    def to_theirs(self, arrays: dict[str, np.ndarray], config: dict[str, Any]) -> dict[str, np.ndarray]:
        """The other way, from the arrays of our model with these arguments."""
        return {**arrays, **{name: arrays[name][config["position_offset"] :] for name in self.position_tables}}


def block_rules(ours, theirs, attentions, norms):
    """Rules of one transformer block, whose layers KerasHub names alike everywhere.

    Args:
        ours, theirs: Paths of the block.
        attentions: KerasHub's name of each attention by ours, such as "self".
        norms: What is normalised.
    """
    for kind, layer in attentions.items():
        for part, name in ATTENTION.items():
            yield Rule("dense", f"{ours}.{kind}_attention.{part}", f"{theirs}/{layer}/{name}")
    for kind in norms:
        yield Rule("norm", f"{ours}.{kind}_norm", f"{theirs}/{kind.replace('feed_forward', 'feedforward')}_layer_norm")
    yield Rule("dense", f"{ours}.feed_forward.up_projection", f"{theirs}/feedforward_intermediate_dense")
    yield Rule("dense", f"{ours}.feed_forward.down_projection", f"{theirs}/feedforward_output_dense")


def paths_of_rules(rules) -> list[TensorName]:
    """`TensorName` of every weight of the layers that rules name, as KerasHub calls them."""
    return [
        TensorName(rule.ours, rule.theirs)
        if part is None
        else TensorName(f"{rule.ours}.{part}", f"{rule.theirs}/{part}")
        for rule in rules
        for part in _PARTS[rule.kind]
    ]
