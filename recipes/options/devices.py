"""Options on devices, which all recipes share."""

import re
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from zoo.errors import UserError
from zoo.ranges import check_range

_MESH = re.compile(r"[1-9]\d*x[1-9]\d*")


@dataclass(frozen=True)
class DeviceOptions:
    """Which devices train, and in how many parts: neither changes what is learned, so a run may go on with others."""

    strategy: str = "auto"
    """one; mirrored (all devices of this machine), multi_worker (TF_CONFIG or Slurm), tpu on TensorFlow; mesh (all
    devices of this machine, or of the processes that JAX_COORDINATOR_ADDRESS or Slurm bring together) on JAX; torchrun
    on PyTorch; auto for what the environment asks for."""
    mesh: str | None = None
    """DATAxMODEL, such as 4x2, on JAX: batches are divided over the first number of devices, and the model itself over
    the second (tensor parallelism); all devices share the batches if not given."""
    accumulate_steps: int = 1
    """Parts of a batch that each device works on one after the other, to save memory."""
    recompute: bool = False
    """Compute the inside of every block again in the backward pass rather than keep it: less memory, which grows with
    the length of sequences, for about a third more work."""
    peak_teraflops: float | None = None
    """What one device computes at most in this precision, in TFLOP/s, to tell the share that the model uses (MFU);
    known for common accelerators."""
    profile: int = 0
    """Updates to profile, after a few to warm up, into the directory's folder `profile`; 0 for none."""
    dry_run: bool = field(default=False, metadata={"saved": False})
    """Print devices, batch, parameters, memory and updates, and do not train."""

    def __post_init__(self):
        check_range("--accumulate-steps", self.accumulate_steps, least=1)
        check_range("--peak-teraflops", self.peak_teraflops, above=0)
        check_range("--profile", self.profile, least=0)
        if self.mesh is not None and _MESH.fullmatch(self.mesh) is None:
            raise UserError(f"--mesh is two numbers of devices such as 4x2, got {self.mesh}")

    def open(self):
        """Opens the devices; the model is made in their `scope()`."""
        # Here, so that a configuration is made without Keras.
        from zoo.training import open_devices

        mesh = None if self.mesh is None else tuple(map(int, self.mesh.split("x")))
        return open_devices(self.strategy, mesh)


Devices = Annotated[DeviceOptions, tyro.conf.arg(name="")]
"""The type of a field `devices` whose options have no prefix on the command line."""
