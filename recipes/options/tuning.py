"""Options on what of a pretrained model learns, which all recipes share that can start from one."""

from dataclasses import dataclass
from typing import Any, Literal

from recipes.options.training import TrainingOptions
from zoo.errors import UserError

_OPTIONS = ("tune_rank", "tune_alpha", "tune_dropout", "tune_targets")


@dataclass(frozen=True)
class TuningOptions(TrainingOptions):
    """What of a pretrained model learns."""

    tune: Literal["full", "head", "bitfit", "lora", "dora", "ia3", "adapter"] = "full"
    """What learns of --pretrained: all of it, only a new head, biases too, or adapters beside its matrices. The preset
    has low-rank and (IA)3 adapters as a part of its matrices; adapter/ keeps them by themselves."""
    tune_rank: int | None = None
    """Rank of the adapters of lora and dora, 8 if None, or width of adapter, 64 if None."""
    tune_alpha: float | None = None
    """Low-rank adapters count alpha / rank times; twice the rank if None."""
    tune_dropout: float = 0.0
    """Dropout rate in low-rank adapters."""
    tune_targets: tuple[str, ...] = ()
    """Projections with low-rank adapters, some of query, key, value, output, gate, up and down; all if none is
    given."""

    def __post_init__(self):
        super().__post_init__()
        self.check_at_least(1, "tune_rank")
        self.check_positive("tune_alpha")
        self.check_shares("tune_dropout")
        if self.tune == "full":
            for name in _OPTIONS:
                if getattr(self, name) != getattr(TuningOptions, name):
                    raise UserError(f"--{name.replace('_', '-')} is for adapters; choose some with --tune")
            return
        config: Any = self
        if config.pretrained is None:
            raise UserError(f"--tune {self.tune} needs --pretrained: of new weights all must learn")
        if getattr(config, "add_token", None):
            raise UserError(f"--add-token adds vectors that must learn, and --tune {self.tune} keeps them as they are")
        if getattr(config, "trainable_blocks", None) is not None:
            raise UserError("--trainable-blocks and --tune both say what learns; give one of them")

    def tuning(self):
        """The `zoo.adapters.Tuning` that was asked for.

        Raises:
            UserError: for an option that the way of tuning does not have.
        """
        from zoo.adapters import Tuning

        return Tuning(self.tune, self.tune_rank, self.tune_alpha, self.tune_dropout, self.tune_targets or None)
