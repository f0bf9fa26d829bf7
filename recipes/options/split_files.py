"""Options of recipes that learn from a named data set or from one file for each split."""

from dataclasses import dataclass
from pathlib import Path

from recipes.options.run import RunOptions, flag
from zoo.errors import UserError


@dataclass(frozen=True)
class SplitFileOptions(RunOptions):
    """The data to train on, to validate with and to test on."""

    dataset: str | None = None
    """Named data set; None to read files."""
    train: Path | None = None
    """Training file."""
    validation: Path | None = None
    """Validation file."""
    test: Path | None = None
    """Test file; what validates is scored if there is none."""

    def check_one_training_set(self, *needed):
        """Refuses both a named data set and files, and neither.

        Args:
            needed: Names of the splits without which there is no data of one's own.

        Raises:
            UserError: naming the options.
        """
        if self.dataset is not None and self.train is not None:
            raise UserError("--dataset and --train name two training sets; give one of them")
        if self.dataset is None and any(getattr(self, name) is None for name in needed):
            options = " and ".join(map(flag, needed))
            raise UserError(f"own data: give {options}, or a named data set with --dataset")
