"""Options on the run itself, which all recipes share."""

from dataclasses import dataclass
from pathlib import Path

from zoo.ranges import check_range


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
            check_range(flag(name), value, least=least)

    def check_positive(self, *names):
        """Refuses options that are not above 0; those that are None pass.

        Raises:
            UserError: naming the option.
        """
        for name in names:
            value = getattr(self, name)
            check_range(flag(name), value, above=0)

    def check_shares(self, *names):
        """Refuses options that are no share from 0 to below 1; those that are None pass.

        Raises:
            UserError: naming the option.
        """
        for name in names:
            value = getattr(self, name)
            check_range(flag(name), value, least=0, below=1)


def flag(name):
    """An option's spelling on the command line."""
    return "--" + name.replace("_", "-")
