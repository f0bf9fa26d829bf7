"""Options on the run itself, which all recipes share."""

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UserError


@dataclass(frozen=True)
class RunOptions:
    """What a run starts from, and where it is kept."""

    variant: str = "own-data"
    """Named settings that the other options start from."""
    directory: Path = Path("runs/training")
    """Where the run is kept: checkpoints, logs, learning curve and, at the end, the preset."""
    seed: int = 1
    """Seed of all that is random: new weights, dropout, the order of the data, masks."""

    def check_at_least(self, least, *names):
        """Refuses options below a number; those that are None pass.

        Raises:
            UserError: naming the option.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"{flag(name)} must be at least {least}, got {value}")

    def check_positive(self, *names):
        """Refuses options that are not above 0; those that are None pass.

        Raises:
            UserError: naming the option.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{flag(name)} must be above 0, got {value}")

    def check_shares(self, *names):
        """Refuses options that are no share from 0 to below 1; those that are None pass.

        Raises:
            UserError: naming the option.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UserError(f"{flag(name)} must be at least 0 and below 1, got {value}")


def flag(name):
    """An option's spelling on the command line."""
    return "--" + name.replace("_", "-")
