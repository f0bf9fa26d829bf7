"""What the speed of a run is measured by besides tokens."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFlops:
    """Floating-point operations that the model needs, and how many a second the devices could do.

    Attributes:
        of_batch: From the inputs of a batch to the operations of an update on it, such as
            `functools.partial(zoo.models.training_flops, model)`.
        peak: Peak FLOP/s of all devices together, such as `zoo.training.peak_flops(model, "float32")`; None if it is
            not known, and model FLOP utilisation (MFU) cannot be told.

    Source: MFU, Chowdhery et al. 2022, https://arxiv.org/abs/2204.02311, section 4.1.
    """

    of_batch: Callable[[dict], float]
    peak: float | None = None
