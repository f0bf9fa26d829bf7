"""Options on training, which all recipes share."""

from dataclasses import dataclass, field
from typing import Literal

from recipes.options.devices import DeviceOptions, Devices
from recipes.options.run import RunOptions


@dataclass(frozen=True)
class TrainingOptions(RunOptions):
    """What an update is, what computes it, and when training ends."""

    weight_decay: float = 0.01
    """Decoupled weight decay of matrices."""
    clip_norm: float = 1.0
    """Largest global norm of the gradients; 0 for no clipping."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Precision of training; weights and the saved preset are float32."""
    jit_compile: bool = False
    """Compile training with XLA on TensorFlow, which takes minutes. JAX always compiles."""
    devices: Devices = field(default_factory=DeviceOptions)
    """Devices that train."""

    early_stopping_patience: int = 0
    """Validations without improvement before training stops; 0 never stops."""
    average_checkpoints: int = 1
    """Checkpoints averaged into the final model; 1 for a single one."""
    max_minutes: float | None = None
    """Minutes of training, over all sittings; None for no limit."""
    tensorboard: bool = False
    """Write TensorBoard events (needs the extra `tensorboard`)."""

    def __post_init__(self):
        self.check_at_least(1, "average_checkpoints")
        self.check_at_least(0, "early_stopping_patience")
