"""Settings of the summarization recipe and their named variants."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.data_files import check_file_options, is_table
from recipes.options.run import flag
from recipes.options.sequence_to_sequence import NEW_MODEL_OPTIONS, SequenceToSequenceConfig
from zoo.data.readers.summary_format import SummaryFormat
from zoo.errors import UserError


@dataclass(frozen=True)
class SummarizationConfig(SummaryFormat, SequenceToSequenceConfig):
    """Trains a summarizer, from scratch or from a pretrained one, and saves it as a preset in its run directory.

    Data is a named data set (--dataset) or files of texts with summaries (--train, --validation, --test). Of a
    text that is too long only the beginning is read; how many there are is said. A run that was stopped goes on when
    the same command is given again.
    """

    variant: Literal["own-data", "dialogsum", "dialogsum-decoder"] = "own-data"
    directory: Path = Path("runs/summarization")
    dataset: str | None = None
    """Named data set, "dialogsum"; None to read files."""
    train: Path | None = None
    """Training file, .jsonl, .csv or .tsv (also .gz)."""
    score_split: Literal["test", "validation"] = "test"
    """What is scored at the end."""

    architecture: Literal["encoder-decoder", "decoder"] = "encoder-decoder"
    """An encoder-decoder, or a decoder alone (GPT-2), which reads text and separator and goes on with the summary."""
    pretrained: Path | None = None
    """Start from a Hugging Face directory of a BART, PEGASUS or T5, or a preset of a summarizer, with its tokenizers,
    size and dropout; a decoder from a GPT-2, or a preset of a text generator or such a summarizer."""
    separator: str | None = None
    r"""What stands between text and summary for a decoder: a special token, written as "<...>", which new vocabularies
    get, or text (\n is a line end). "<|summary|>" if None and the vocabulary is new or has it, else "\nTL;DR:"."""
    max_source_length: int = 512
    """Tokens of a text that are read, special ones included, for a decoder the separator."""
    max_target_length: int = 128
    """Longest summary in tokens, end token included; longer ones are left out of training."""
    min_new_tokens: int = 0
    """Least tokens of a summary that the final model writes."""
    no_repeat_ngram_size: int = 3
    """No n-gram of this size occurs twice in a summary of the final model; 0 allows everything."""

    validation_rouge_texts: int = 100
    """Validation texts summarised greedily for ROUGE at each validation; 0 for none."""
    early_stopping_metric: Literal["val_rouge1", "val_rouge2", "val_rougeL", "val_nll"] = "val_nll"
    """What early stopping and the best checkpoints go by."""
    max_length_ratio: float | None = None

    def __post_init__(self):
        super().__post_init__()
        self.check_lengths(max_source_length=self.max_source_length, max_target_length=self.max_target_length)
        self.check_at_least(0, "min_new_tokens", "no_repeat_ngram_size", "validation_rouge_texts")
        if self.min_new_tokens > self.max_target_length:
            raise UserError(
                f"--min-new-tokens {self.min_new_tokens} is more than --max-target-length {self.max_target_length}"
            )
        if self.early_stopping_metric != "val_nll" and not self.validation_rouge_texts:
            raise UserError(f"--early-stopping-metric {self.early_stopping_metric} needs --validation-rouge-texts")
        if not self.summary_fields:
            raise UserError("--summary-fields needs at least one field")
        if self.architecture == "decoder":
            self._check_decoder()
        elif self.separator is not None:
            raise UserError("--separator is for --architecture decoder")

    def _check_decoder(self):
        """Refuses what a decoder cannot be."""
        fixed = {"vocabulary_type": "bpe", "joint_vocabulary": True, "normalization": "identity", "norm": "pre"}
        for name, value in fixed.items():
            if getattr(self, name) != value:
                raise UserError(f"{flag(name)} {getattr(self, name)} is for encoder-decoders; a decoder has {value}")
        if self.separator == "":
            raise UserError("--separator is empty; leave it out for a token of its own")
        if self.batch_size_tokens is not None and self.batch_size_tokens < sum(self.max_lengths):
            raise UserError(
                f"--batch-size-tokens {self.batch_size_tokens} is less than --max-source-length "
                f"{self.max_source_length} and --max-target-length {self.max_target_length} together: a batch must "
                "hold one text with its summary"
            )

    @property
    def max_lengths(self):
        """Most source and target tokens, special ones included."""
        return self.max_source_length, self.max_target_length


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    config.check_one_training_set("train", "validation")
    check_file_options(config, {"delimiter": ("tables (.csv, .tsv)", is_table)})


def own_data():
    """Starting point for files of your own, of any number of texts, which decides on the size of model and run."""
    return SummarizationConfig(
        vocabulary_size=None,
        size=None,
        num_layers=None,
        dropout=0.2,
        norm="pre",
        batch_size_tokens=None,
        total_steps=None,
        optimizer="adamw",
        weight_decay=1e-2,
        learning_rate=None,
        warmup_steps=None,
        validate_every_steps=None,
        checkpoint_every_steps=None,
        early_stopping_metric="val_rouge2",
        average_best=True,
        num_beams=4,
    )


def dialogsum():
    """DialogSum, everyday dialogues in English, with a model that two cores can train."""
    return SummarizationConfig(
        variant="dialogsum",
        directory=Path("runs/dialogsum"),
        dataset="dialogsum",
        vocabulary_size=8000,
        size="tiny",
        num_layers=4,
        dropout=0.2,
        norm="pre",
        max_source_length=400,
        max_target_length=100,
        batch_size_tokens=4096,
        total_steps=10_000,
        schedule="cosine",
        learning_rate=1.5e-3,
        warmup_steps=800,
        precision="mixed_bfloat16",
        validate_every_steps=1000,
        checkpoint_every_steps=250,
        early_stopping_metric="val_rouge2",
        average_checkpoints=5,
        num_beams=4,
    )


def dialogsum_decoder():
    """The same with a decoder of about as many blocks as encoder and decoder have together."""
    return replace(
        dialogsum(),
        variant="dialogsum-decoder",
        directory=Path("runs/dialogsum-decoder"),
        architecture="decoder",
        num_layers=8,
    )


VARIANTS = {"own-data": own_data, "dialogsum": dialogsum, "dialogsum-decoder": dialogsum_decoder}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `SummarizationConfig`."""
    prog = "python -m recipes.summarization"
    return parse_variants(SummarizationConfig, VARIANTS, "own-data", argv, prog, NEW_MODEL_OPTIONS)
