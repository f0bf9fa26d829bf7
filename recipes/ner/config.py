"""Settings of the entity recognition recipe and their named variants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.data_files import check_file_options, is_json_lines, is_other
from recipes.options.fine_tuning import FineTuningConfig
from zoo.data.readers.entity_format import EntityFormat
from zoo.errors import UserError
from zoo.ranges import check_range


@dataclass(frozen=True)
class NerConfig(EntityFormat, FineTuningConfig):
    """Trains an entity recognizer and saves it as a preset in its run directory.

    Data is a named data set (--dataset wnut17) or files of your own (--train, --validation, --test): CoNLL files, or
    JSON Lines of texts with spans. The tag scheme is found out from the data. A run that was stopped goes on when the
    same command is given again.
    """

    variant: Literal["wnut17", "own-data"] = "own-data"
    directory: Path = Path("runs/ner")
    dataset: str | None = None
    """Named data set, "wnut17"; None to read files."""
    train: Path | None = None
    """Training file: .jsonl for spans, anything else is read as CoNLL (also .gz)."""
    validation: Path | None = None
    """Validation file; a tenth of the training texts is held out if there is none."""

    window: int = 128
    """Tokens that the model sees at a time; longer texts are read in several overlapping windows."""
    overlap: int = 32
    """Tokens that neighbouring windows share."""
    subword_labels: Literal["first", "all", "token"] = "first"
    """Which tokens of a word are trained, and judged later: the first, or all, averaged. "token" trains the first one
    of each token of a CoNLL file alone, as transformers does, and not the words in which punctuation parts it."""
    class_weights: Literal["none", "inverse_square_root", "inverse"] = "none"
    """Weight of a tag in the loss, by how often words have it in the training data."""

    def __post_init__(self):
        super().__post_init__()
        check_range("--window", self.window, least=4)
        if not 0 <= self.overlap < self.window - 2:
            raise UserError(f"--overlap must be at least 0 and below --window less 2, got {self.overlap}")


_FILE_OPTIONS = {
    "token_column": ("CoNLL files", is_other),
    "tag_column": ("CoNLL files", is_other),
    "text_field": ("JSON Lines", is_json_lines),
    "entities_field": ("JSON Lines", is_json_lines),
    "offsets": ("JSON Lines", is_json_lines),
}


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    config.check_one_training_set("train")
    check_file_options(config, _FILE_OPTIONS)


def own_data():
    """Starting point for files of your own: BERT's fine-tuning."""
    return NerConfig()


def wnut17():
    """WNUT-17, emerging entities in English tweets; meant for --pretrained."""
    return NerConfig(
        variant="wnut17",
        directory=Path("runs/wnut17"),
        dataset="wnut17",
        batch_size=16,
        epochs=6,
        learning_rate=1e-4,
        precision="mixed_bfloat16",
        average_checkpoints=3,
        subword_labels="token",
    )


VARIANTS = {"own-data": own_data, "wnut17": wnut17}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `NerConfig`."""
    return parse_variants(NerConfig, VARIANTS, "own-data", argv, "python -m recipes.ner")
