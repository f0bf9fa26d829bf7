"""Settings of the text classification recipe and their named variants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.data_files import check_file_options, is_table
from recipes.options.fine_tuning import FineTuningConfig
from zoo.data.readers.class_format import ClassFormat
from zoo.errors import UserError
from zoo.ranges import check_range


@dataclass(frozen=True)
class TextClassificationConfig(ClassFormat, FineTuningConfig):
    """Trains a text classifier and saves it as a preset in its run directory.

    Data is a named data set (--dataset banking77) or files of your own (--train, --validation, --test): .csv, .tsv or
    .jsonl (or .gz after it). A run that was stopped goes on when the same command is given again.
    """

    variant: Literal["banking77", "own-data"] = "own-data"
    directory: Path = Path("runs/text-classification")
    dataset: str | None = None
    """Named data set, "banking77"; None to read files."""
    validation: Path | None = None
    """Validation file; a tenth of the training texts is held out if there is none."""

    max_source_length: int = 128
    """Longest text in tokens, special ones included; the rest is cut off."""
    pooling: Literal["pooler", "first", "mean"] = "mean"
    """What the classifier reads: the encoder's pooler, the first token's vector or the mean over tokens."""
    calibrate: bool = True
    """Fit the temperature of the probabilities on the validation texts."""

    def __post_init__(self):
        super().__post_init__()
        check_range("--max-source-length", self.max_source_length, least=4)


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    config.check_one_training_set("train")
    if config.label_columns and config.label_separator is not None:
        raise UserError(
            "labels are in several columns (--label-columns) or parted in one (--label-separator), not both"
        )
    check_file_options(config, {"delimiter": ("tables (.csv, .tsv)", is_table)})


def own_data():
    """Starting point for files of your own: BERT's fine-tuning."""
    return TextClassificationConfig()


def banking77():
    """BANKING77, 77 intents of bank customers; meant for --pretrained."""
    return TextClassificationConfig(
        variant="banking77",
        directory=Path("runs/banking77"),
        dataset="banking77",
        batch_size=32,
        epochs=10,
        learning_rate=1e-4,
        precision="mixed_bfloat16",
        max_source_length=64,
    )


VARIANTS = {"own-data": own_data, "banking77": banking77}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `TextClassificationConfig`."""
    return parse_variants(TextClassificationConfig, VARIANTS, "own-data", argv, "python -m recipes.text_classification")
