"""Settings of the pretraining recipe and their named variants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.encoder import EncoderOptions
from recipes.options.run import flag
from recipes.options.steps import StepOptions
from zoo.errors import UserError
from zoo.ranges import check_range

_SHORTEST = 8


@dataclass(frozen=True)
class PretrainingConfig(EncoderOptions, StepOptions):
    """Trains an encoder on raw text as a masked language model and saves it as a preset in its run directory.

    Text is in plain files (also .gz), UTF-8, a sentence or a paragraph on each line and blank lines between documents.
    The preset fills blanks, and its encoder is what --pretrained of the other recipes takes. A run that was stopped
    goes on when the same command is given again.
    """

    variant: Literal["own-data", "bert"] = "own-data"
    directory: Path = Path("runs/pretraining")

    train: tuple[Path, ...] = ()
    """Text files to train on."""
    validation: tuple[Path, ...] = ()
    """Text files to validate on, with masks that are the same in every run."""

    pretrained: Path | None = None
    """Go on from a Hugging Face directory or a preset, with its head if it has one, and with its tokenizer."""
    max_positions: int | None = None
    """Longest sequence that a new encoder can ever read, for a later run on longer ones; --sequence-length if None."""
    vocabulary: Path | None = None
    """WordPiece vocabulary of a new encoder, a vocab.txt; one is trained on the training text if None."""

    sequence_length: int = 128
    """Tokens of a row, special ones included."""
    masked_share: float = 0.15
    """Share of the tokens that is to be predicted."""
    whole_words: bool = True
    """Mask all tokens of a word together."""
    line_by_line: bool = False
    """Make each line a row of its own, in place of full rows that go on from line to line: for captions, queries and
    the like. A line too long for a row goes on in another."""
    next_sentence: bool = False
    """Also predict whether a text follows another; needs several documents, with a sentence on each line."""

    batch_size: int = 32
    """Rows of a batch; with --line-by-line, of short lines as many as have the positions of these."""
    learning_rate: float = 5e-4
    """Learning rate at the end of warm-up, from which it falls linearly to 0."""
    beta_2: float = 0.999
    """Decay rate of AdamW's second moment."""

    def __post_init__(self):
        super().__post_init__()
        self.check_at_least(1, "batch_size")
        check_range("--sequence-length", self.sequence_length, least=_SHORTEST)
        if self.max_positions is not None and self.max_positions < self.sequence_length:
            raise UserError(
                f"--max-positions {self.max_positions} is less than --sequence-length {self.sequence_length}"
            )
        if self.line_by_line and self.next_sentence:
            raise UserError("--line-by-line makes rows of single lines, --next-sentence of several; choose one")
        check_range("--masked-share", self.masked_share, above=0, below=1)
        self.check_positive("learning_rate")
        self.check_warmup()
        if self.pretrained is not None:
            for name in ("vocabulary", "dropout", "max_positions"):
                if getattr(self, name) is not None:
                    raise UserError(f"{flag(name)} is for new encoders; the one of --pretrained has its own")


def check_data_options(config):
    """Refuses a configuration without data.

    Raises:
        UserError: naming the option.
    """
    for name in ("train", "validation"):
        if not getattr(config, name):
            raise UserError(f"{flag(name)} is missing: name one or more text files")


def own_data():
    """Starting point for files of your own, some megabytes or more: a tiny encoder, on a CPU if need be."""
    return PretrainingConfig()


def bert():
    """The first nine tenths of BERT-base's own training (Devlin et al. 2019, appendix A.2).

    The last tenth had sequences of 512: `--pretrained` of this run's preset with `--sequence-length 512`.
    """
    return PretrainingConfig(
        variant="bert",
        directory=Path("runs/bert"),
        size="base",
        max_positions=512,
        vocabulary_size=30_000,
        whole_words=False,
        next_sentence=True,
        batch_size=256,
        total_steps=900_000,
        learning_rate=1e-4,
        warmup_steps=10_000,
        validate_every_steps=10_000,
        checkpoint_every_steps=10_000,
    )


VARIANTS = {"own-data": own_data, "bert": bert}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `PretrainingConfig`."""
    return parse_variants(PretrainingConfig, VARIANTS, "own-data", argv, "python -m recipes.pretraining")
