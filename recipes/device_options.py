"""Options on devices, which all recipes share."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from zoo.errors import UserError
from zoo.training import open_devices


@dataclass(frozen=True)
class DeviceOptions:
    """Which devices train, and in how many parts: neither changes what is learned, so a run may go on with others."""

    strategy: str = "auto"
    """one; mirrored (all devices of this machine), multi_worker (TF_CONFIG or Slurm), tpu on TensorFlow; mesh on JAX;
    torchrun on PyTorch; auto for what the environment asks for."""
    accumulate_steps: int = 1
    """Parts of a batch that each device works on one after the other, to save memory."""
    dry_run: bool = False
    """Print devices, batch, parameters, memory and updates, and do not train."""

    def __post_init__(self):
        if self.accumulate_steps < 1:
            raise UserError(f"--accumulate-steps must be at least 1, got {self.accumulate_steps}")

    def open(self):
        """Opens the devices; the model is made in their `scope()`."""
        return open_devices(self.strategy)


Devices = Annotated[DeviceOptions, tyro.conf.arg(name="")]
"""The type of a field `devices` whose options have no prefix on the command line."""
