"""An interval that follows the length of a run."""

from dataclasses import dataclass

from zoo.errors import UserError


@dataclass(frozen=True)
class ShareOfRun:
    """An interval between validations or checkpoints, as a share of the run and not as a number of updates.

    Attributes:
        parts: In how many such intervals a run is divided.

    Raises:
        UserError: There are fewer than one.
    """

    parts: int

    def __post_init__(self):
        if self.parts < 1:
            raise UserError(f"a run is divided into at least 1 part, got {self.parts}")

    def updates(self, total: int) -> int:
        """The interval in updates, at least 1, of a run of `total`."""
        return max(1, round(total / self.parts))
