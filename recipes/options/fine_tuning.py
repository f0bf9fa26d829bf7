"""Settings that all recipes share which put a new head on an encoder."""

from dataclasses import dataclass

from recipes.options.epochs import EpochConfig


@dataclass(frozen=True)
class FineTuningConfig(EpochConfig):
    """Encoder, head and optimisation of a recipe that fine-tunes."""

    dropout: float | None = None
    """Dropout rate on the input of the head; the encoder's own rate if None."""
    label_smoothing: float = 0.0
    """Probability spread over all classes."""

    def __post_init__(self):
        super().__post_init__()
        self.check_shares("label_smoothing")
