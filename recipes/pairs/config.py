"""Settings of the recipe for pairs of texts and their named variants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.text_classification.config import TextClassificationConfig
from zoo.errors import UserError


@dataclass(frozen=True)
class PairsConfig(TextClassificationConfig):
    """Trains a classifier of pairs of texts, such as of inference or duplicates, or a scorer, and saves it as a preset.

    Data is files of your own (--train, --validation, --test): .csv, .tsv or .jsonl (or .gz after it), with a column or
    field for each text and one for the label, or with --score-column for a number; or --variant banking77. A run that
    was stopped goes on when the same command is given again.
    """

    variant: Literal["banking77", "own-data"] = "own-data"
    directory: Path = Path("runs/pairs")
    dataset: str | None = None
    """Named data set of texts with classes, "banking77", of which pairs are made that have the same class or not; None
    to read files."""
    text_pair_column: str = "text_pair"
    """Column or field of the second text; a number is a position from 0."""
    score_column: str | None = None
    """Column or field of a number, in place of a label: how well the texts fit. Makes a scorer, such as a reranker."""
    score_range: tuple[float, float] = (0.0, 1.0)
    """The least and the largest number of --score-column, which become scores of 0 and 1."""
    truncation: Literal["longest_first", "only_first", "only_second"] = "longest_first"
    """Which text of a pair that is too long loses its end."""
    pooling: Literal["pooler", "first", "mean"] = "mean"
    """What the head reads: the encoder's pooler, the first token's vector or the mean over tokens."""

    def __post_init__(self):
        super().__post_init__()
        if self.max_source_length < 6:
            raise UserError(f"--max-source-length must be at least 6 for two texts, got {self.max_source_length}")
        if not self.score_range[0] < self.score_range[1]:
            raise UserError(f"--score-range must be two numbers, the smaller first, got {self.score_range}")
        if self.score_column is None and self.score_range != PairsConfig.score_range:
            raise UserError("--score-range is for numbers; name their column with --score-column")
        if self.score_column is not None:
            for name in ("dataset", "label_columns", "label_names", "label_separator"):
                if getattr(self, name) != getattr(PairsConfig, name):
                    option = name.replace("_", "-")
                    raise UserError(f"--{option} is for labels and --score-column for numbers; give one of them")

    def open_classes(self, path, like=None, text_pair=None):
        """The reader of a file of pairs."""
        return super().open_classes(path, like, text_pair or self.text_pair_column)


def own_data():
    """Starting point for files of your own: BERT's fine-tuning."""
    return PairsConfig()


def banking77():
    """Pairs of questions of bank customers, of the same one of 77 intents or not; meant for --pretrained."""
    return PairsConfig(
        variant="banking77",
        directory=Path("runs/banking77-pairs"),
        dataset="banking77",
        batch_size=32,
        epochs=2,
        learning_rate=1e-4,
        precision="mixed_bfloat16",
        max_source_length=96,
    )


VARIANTS = {"own-data": own_data, "banking77": banking77}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `PairsConfig`."""
    return parse_variants(PairsConfig, VARIANTS, "own-data", argv, "python -m recipes.pairs")
