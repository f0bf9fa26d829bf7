"""Settings of the translation recipe and their named variants."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.data_files import check_file_options, is_table
from recipes.options.sequence_to_sequence import NEW_MODEL_OPTIONS, SequenceToSequenceConfig
from zoo.data.readers.pair_format import PairFormat
from zoo.errors import UserError
from zoo.metrics.bleu_tokenizers import BleuTokenizer
from zoo.ranges import check_range


@dataclass(frozen=True)
class TranslationConfig(PairFormat, SequenceToSequenceConfig):
    """Trains a translator, from scratch or from a pretrained one, and saves it as a preset in its run directory.

    Training data is a named data set (--dataset) or, with --variant own-data, two line-parallel files (--train-source,
    --train-target, ...) or files of pairs (--train, --validation, --test), see docs/data-formats.md. A run that was
    stopped goes on when the same command is given again.
    """

    variant: Literal[
        "sample", "multi30k", "multi30k-lowercase", "multi30k-lowercase-restart", "multi30k-one-hour", "own-data"
    ] = "sample"
    directory: Path = Path("runs/translation")
    dataset: str | None = "sample"
    """Named data set, "sample" or "multi30k"; None to read files."""
    reverse: bool = False
    """Translate the named data set in the other direction."""
    train: Path | None = None
    """Training pairs, a .tsv, .csv or .jsonl file (also .gz)."""
    train_source: Path | None = None
    """Training sentences of the source language, one a line (also .gz)."""
    train_target: Path | None = None
    """Their translations, line by line."""
    validation_source: Path | None = None
    """Validation sentences of the source language."""
    validation_target: Path | None = None
    """Their translations."""
    test_source: Path | None = None
    """Test sentences of the source language."""
    test_target: Path | None = None
    """Their translations."""
    bleu_tokenizer: BleuTokenizer | None = None
    """SacreBLEU's tokenizer for BLEU; that of the target language if None."""

    pretrained: Path | None = None
    """Start from a preset of a translator, or a Hugging Face directory of a Marian, with its tokenizers, size and
    dropout."""
    subword_sampling: float = 0.0
    """Subword regularisation of the training text, drawn anew each epoch: for bpe the share of merges left out, for
    unigram the exponent of probabilities; 0 for none."""
    max_length: int = 128
    """Longest source and target in tokens, end token included; longer pairs are left out of training."""
    validation_bleu_lines: int = 200
    """Validation sentences translated greedily for BLEU and chrF at each validation; 0 for none."""
    early_stopping_metric: Literal["val_bleu", "val_chrf", "val_nll"] = "val_nll"
    """What early stopping and the best checkpoints go by."""

    def __post_init__(self):
        super().__post_init__()
        self.check_lengths(max_length=self.max_length)
        check_range("--subword-sampling", self.subword_sampling, least=0, most=1)
        if self.early_stopping_metric != "val_nll" and not self.validation_bleu_lines:
            raise UserError(
                f"--early-stopping-metric {self.early_stopping_metric} needs --validation-bleu-lines above 0"
            )

    @property
    def max_lengths(self):
        """Most source and target tokens, end token included."""
        return self.max_length, self.max_length


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    if config.dataset is not None:
        if any(path is not None for path in (config.train, config.train_source, config.train_target)):
            raise UserError("training files need --variant own-data; --dataset is for named data sets")
        return
    if (config.train is None) == (config.train_source is None):
        raise UserError("own data: give --train, or --train-source and --train-target")
    for split in ("train", "validation", "test"):
        if (getattr(config, f"{split}_source") is None) != (getattr(config, f"{split}_target") is None):
            raise UserError(f"--{split}-source and --{split}-target must be given together")
        if getattr(config, split) is not None and getattr(config, f"{split}_source") is not None:
            raise UserError(f"--{split} and --{split}-source name two files of pairs; give one of them")
    if config.validation is None and config.validation_source is None:
        raise UserError("validation data is missing: give --validation, or --validation-source and --validation-target")
    named = ("files of pairs (--train)", lambda name: True)
    columns = {"source_column": named, "target_column": named, "delimiter": ("tables (.csv, .tsv)", is_table)}
    check_file_options(config, columns)


def sample():
    """A few minutes on two cores: the embedded sample corpus."""
    return TranslationConfig()


def own_data():
    """Starting point for files of your own, of any number of pairs, which decides on the size of model and run."""
    return TranslationConfig(
        variant="own-data",
        dataset=None,
        vocabulary_size=None,
        size=None,
        num_layers=None,
        dropout=0.2,
        norm="pre",
        batch_size_tokens=None,
        total_steps=None,
        optimizer="adamw",
        weight_decay=1e-4,
        learning_rate=None,
        warmup_steps=None,
        validate_every_steps=None,
        checkpoint_every_steps=None,
        early_stopping_metric="val_bleu",
        average_best=True,
    )


def multi30k():
    """Multi30k English-German with the size and dropout of Wu et al. 2021, and nearly as many positions in training.

    They normalise after each sub-layer, with batches of 8,192 positions. With the batches of half that size here, that
    learned slowly, and normalisation before each sub-layer did not (`recipes/RESULTS.md`).
    """
    return TranslationConfig(
        variant="multi30k",
        directory=Path("runs/multi30k"),
        dataset="multi30k",
        vocabulary_size=5000,
        num_layers=None,
        dropout=None,
        norm="pre",
        max_length=64,
        batch_size_tokens=4096,
        total_steps=14_000,
        schedule="cosine",
        learning_rate=4e-3,
        warmup_steps=1000,
        precision="mixed_bfloat16",
        validate_every_steps=500,
        checkpoint_every_steps=250,
        validation_bleu_lines=1014,
        early_stopping_metric="val_bleu",
        average_checkpoints=10,
    )


def multi30k_lowercase():
    """Multi30k in lowercase letters with a vocabulary as large as that of Wu et al. 2021, to compare with papers."""
    return replace(
        multi30k(),
        variant="multi30k-lowercase",
        directory=Path("runs/multi30k-lowercase"),
        normalization="lowercase",
        vocabulary_size=9709,
        total_steps=10_000,
    )


def multi30k_lowercase_restart():
    """That model further, with the learning rate raised once more (a warm restart) and another order of the data.

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983.
    """
    return replace(
        multi30k_lowercase(),
        variant="multi30k-lowercase-restart",
        directory=Path("runs/multi30k-lowercase-restart"),
        pretrained=Path("runs/multi30k-lowercase"),
        seed=2,
        total_steps=4000,
        learning_rate=1.5e-3,
        warmup_steps=200,
    )


def multi30k_one_hour():
    """Multi30k on two cores in about one hour: fewer updates, and less dropout for them."""
    return replace(
        multi30k(),
        variant="multi30k-one-hour",
        directory=Path("runs/multi30k-one-hour"),
        dropout=0.2,
        total_steps=7000,
        average_checkpoints=5,
    )


VARIANTS = {
    "sample": sample,
    "multi30k": multi30k,
    "multi30k-lowercase": multi30k_lowercase,
    "multi30k-lowercase-restart": multi30k_lowercase_restart,
    "multi30k-one-hour": multi30k_one_hour,
    "own-data": own_data,
}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `TranslationConfig`."""
    return parse_variants(
        TranslationConfig, VARIANTS, "sample", argv, "python -m recipes.translation", NEW_MODEL_OPTIONS
    )
