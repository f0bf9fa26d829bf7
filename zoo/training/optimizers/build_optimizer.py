"""The optimizer of a recipe, by its name."""

from collections.abc import Iterable
from typing import Any

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.training.optimizers.adam import Adam, AdamW
from zoo.training.optimizers.loss_scaling import LossScaleOptimizer
from zoo.training.optimizers.muon import Muon
from zoo.training.optimizers.zoo_optimizer import ZooOptimizer

OPTIMIZERS = (ZooOptimizer, LossScaleOptimizer)
"""The optimizers that add the gradients of all replicas before they do anything else."""


def build_optimizer(
    name: str,
    schedule: Any,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    epsilon: float = 1e-9,
    weight_decay: float = 0.0,
    clip_norm: float = 0.0,
    rate_factors: dict[str, float] | None = None,
    loss_scaling: Any = False,
    ema_momentum: float = 0.0,
    matrices: Iterable[str] | None = None,
) -> Any:
    """Makes the optimizer of a recipe.

    Args:
        name: "adam", "adamw" or "muon".
        schedule: A `LearningRateSchedule`, or a float for a constant learning rate.
        beta_1, beta_2: Decay rates of the two moments.
        epsilon: Added to the root of the second moment.
        weight_decay: Decoupled decay per update and unit of learning rate; not for "adam".
        clip_norm: Gradients with a larger global norm are scaled down to it; 0 turns clipping off.
        rate_factors: dict from the path of a variable to the factor of its learning rate, such as
            `zoo.training.layer_rate_factors` gives; 1 for all if None.
        ema_momentum: Share of the old in each update of the moving averages of the weights, which
            `use_moving_averages` puts into the model; 0 for no averages.
        matrices: Paths of the variables that "muon" updates by its own rule, such as those of
            `zoo.training.matrices_of_blocks`; the others are updated as by "adamw".
        loss_scaling: Whether to scale the loss so that gradients in float16 neither vanish nor overflow.

    Returns:
        `Adam`, `AdamW` or `Muon`, in a `LossScaleOptimizer` if there is loss scaling.

    Raises:
        UserError: An unknown name, or a value that cannot be.
    """
    if name not in ("adam", "adamw", "muon"):
        raise UserError(f'unknown optimizer "{name}": choose "adam", "adamw" or "muon"')
    if (name == "muon") != bool(matrices):
        raise UserError('"muon" needs matrices' if name == "muon" else f'matrices are for "muon", not for "{name}"')
    for label, value in (("beta_1", beta_1), ("beta_2", beta_2), ("ema_momentum", ema_momentum)):
        check_range(label, value, least=0, below=1)
    for label, value in (("epsilon", epsilon), ("weight_decay", weight_decay), ("clip_norm", clip_norm)):
        check_range(label, value, least=0)
    options = dict(
        learning_rate=schedule,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        global_clipnorm=clip_norm or None,
        rate_factors=rate_factors,
        **({"use_ema": True, "ema_momentum": ema_momentum} if ema_momentum else {}),
    )
    if name == "adamw":
        optimizer = AdamW(weight_decay=weight_decay, **options)
    elif name == "muon":
        optimizer = Muon(matrices=matrices or (), weight_decay=weight_decay, **options)
    elif weight_decay:
        raise UserError('"adam" has no weight decay: set it to 0 or choose "adamw"')
    else:
        optimizer = Adam(**options)
    return LossScaleOptimizer(optimizer) if loss_scaling else optimizer
