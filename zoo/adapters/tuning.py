"""What of a pretrained model learns: all of it, its head, its biases, or adapters beside its matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import keras

from zoo.adapters.adapted_projections import AdaptedProjections
from zoo.adapters.adapter import Adapter
from zoo.adapters.bottleneck import Bottleneck
from zoo.adapters.low_rank import LowRank
from zoo.adapters.rescaling import Rescaling
from zoo.adapters.weight_decomposed import WeightDecomposed
from zoo.errors import UserError
from zoo.ranges import check_range

Method = Literal["full", "head", "bitfit", "lora", "dora", "ia3", "adapter"]
METHODS = get_args(Method)
_WITH_ADAPTERS = ("lora", "dora", "ia3", "adapter")
# After the publications.
_TARGETS = {"ia3": ("key", "value", "down"), "adapter": ("output", "down")}
_BIASES = ("bias", "beta")


@dataclass(frozen=True)
class Tuning:
    """How a pretrained model is fine-tuned.

    | method | what learns beside the head |
    | --- | --- |
    | "full" | everything |
    | "head" | nothing |
    | "bitfit" | biases, those of normalisation too (Ben Zaken et al. 2021, https://arxiv.org/abs/2106.10199) |
    | "lora" | `LowRank` adapters |
    | "dora" | `WeightDecomposed` adapters |
    | "ia3" | `Rescaling` of keys, values and what the second matrix of feed-forward networks reads |
    | "adapter" | `Bottleneck` after attention and after feed-forward networks |

    Attributes:
        method: See above.
        rank: Rank of low-rank adapters, width of bottlenecks; by the method if None: 8 and 64.
        alpha: Scale of low-rank adapters, see `LowRank`.
        dropout: Rate of dropout in low-rank adapters.
        targets: Which projections get low-rank adapters, names of `zoo.adapters.TARGETS`; all if None.

    Raises:
        UserError: for an unknown method, or an option that a method does not have.
    """

    method: Method = "full"
    rank: int | None = None
    alpha: float | None = None
    dropout: float = 0.0
    targets: Sequence[str] | None = None

    def __post_init__(self):
        if self.method not in METHODS:
            raise UserError(f"unknown way of tuning {self.method!r}: choose one of {', '.join(METHODS)}")
        low_rank = self.method in ("lora", "dora")
        given = {"rank": self.rank, "alpha": self.alpha, "dropout": self.dropout or None, "targets": self.targets}
        allowed = given if low_rank else {"rank"} if self.method == "adapter" else ()
        for name, value in given.items():
            if value is not None and name not in allowed:
                raise UserError(f"tuning by {self.method!r} has no {name}: leave it out, or choose lora or dora")
        check_range("rank", self.rank, least=1)
        check_range("dropout", self.dropout, least=0, below=1)
        if self.alpha is not None:
            check_range("alpha", self.alpha, above=0)
        if self.method in _WITH_ADAPTERS:
            self._form()

    def apply(self, model: keras.Model, body: Any = None) -> keras.Model:
        """Adds what the method adds, and keeps the weights of the body that are not to learn as they are.

        Checkpoints of the model's training then leave those out; whoever goes on must load them again.

        Args:
            model: A built model.
            body: The part of it that is pretrained; the whole model if None. What is outside learns, and so does
                a pooler that did before.

        Raises:
            UserError: if nothing would learn.
        """
        if self.method == "full":
            return model
        body = model if body is None else body
        pooler = getattr(body, "pooler", None)
        learning = {id(variable) for variable in (pooler.weights if pooler is not None else ())}
        for variable in body.weights:
            named = self.method == "bitfit" and variable.name in _BIASES
            variable.trainable = named or (variable.trainable and id(variable) in learning)
        if self.method in _WITH_ADAPTERS:
            self._form().apply(body)
        if not model.trainable_variables:
            raise UserError(f"with {self.method!r} nothing of the model would learn: it has no new head")
        model.keeps_base = True
        return model

    def _form(self):
        return AdaptedProjections(self._adapter, _TARGETS.get(self.method, self.targets))

    def _adapter(self, target) -> Adapter:
        if self.method == "ia3":
            return Rescaling(of_inputs=target == "down")
        if self.method == "adapter":
            return Bottleneck(self.rank or 64)
        kind = LowRank if self.method == "lora" else WeightDecomposed
        return kind(self.rank or 8, self.alpha, self.dropout)
