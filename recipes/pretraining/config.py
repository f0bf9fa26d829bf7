"""Settings of the pretraining recipe and their named variants."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from recipes.added_tokens import AddedTokens, check_added_tokens
from recipes.device_options import DeviceOptions, Devices
from recipes.fine_tuning_config import flag
from recipes.variants import parse_variants
from zoo.errors import UserError

_SHORTEST = 8


@dataclass(frozen=True)
class PretrainingConfig:
    """Trains an encoder on raw text as a masked language model and saves it as a preset in its run directory.

    Text is in plain files (also .gz), UTF-8, a sentence or a paragraph on each line and blank lines between documents.
    The preset fills blanks, and its encoder is what --pretrained of the other recipes takes. A run that was stopped
    goes on when the same command is given again.
    """

    variant: Literal["own-data", "bert"] = "own-data"
    """Named settings that the other options start from."""
    directory: Path = Path("runs/pretraining")
    """Where the run is kept: checkpoints, logs, learning curve and, at the end, the preset."""
    seed: int = 1
    """Seed of new weights, dropout, data order and masks."""

    train: tuple[Path, ...] = ()
    """Text files to train on."""
    validation: tuple[Path, ...] = ()
    """Text files to validate on, with masks that are the same in every run."""

    pretrained: Path | None = None
    """Go on from a Hugging Face directory or a preset, with its head if it has one, and with its tokenizer."""
    size: Literal["tiny", "mini", "small", "medium", "base", "large"] = "tiny"
    """Size of a new encoder."""
    dropout: float | None = None
    """Dropout rate of a new encoder; 0.1 if None."""
    max_positions: int | None = None
    """Longest sequence that a new encoder can ever read, for a later run on longer ones; --sequence-length if None."""
    vocabulary: Path | None = None
    """WordPiece vocabulary of a new encoder, a vocab.txt; one is trained on the training text if None."""
    vocabulary_size: int | None = None
    """Tokens of the vocabulary that is trained; 8,000, or as many as the text allows, if None."""
    lowercase: bool = True
    """Whether a trained or given vocabulary is of lowercase text without accents."""
    add_token: AddedTokens = ()
    """A token to add to the vocabulary, one id wherever a text holds it, such as "[E1]". The vector of a token that is
    new to a pretrained model starts as the mean of all others."""

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
    total_steps: int | None = None
    """Updates; by the amount of training text if None. --max-minutes may end training before, with the learning rate
    where it is at the end."""
    learning_rate: float = 5e-4
    """Learning rate at the end of warm-up, from which it falls linearly to 0."""
    warmup_steps: int | None = None
    """Updates of linear warm-up; a tenth of all, and 4,000 at most, if None."""
    beta_2: float = 0.999
    """Decay rate of AdamW's second moment."""
    weight_decay: float = 0.01
    """Decoupled weight decay of matrices."""
    clip_norm: float = 1.0
    """Largest global norm of the gradients; 0 for no clipping."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Precision of training; weights and the saved preset are float32."""
    jit_compile: bool = False
    """Compile training with XLA on TensorFlow. JAX always compiles."""
    devices: Devices = field(default_factory=DeviceOptions)
    """Devices that train."""

    validate_every_steps: int | None = None
    """Updates between validations; a tenth of the run if None."""
    checkpoint_every_steps: int | None = None
    """Updates between checkpoints; a twentieth of the run if None."""
    early_stopping_patience: int = 0
    """Validations without a lower val_nll before training stops; 0 never stops."""
    average_checkpoints: int = 1
    """Checkpoints averaged into the final model; 1 for a single one."""
    ema_momentum: float = 0.0
    """Final model from moving averages of the weights, with this share of the old in each update, in place of averaged
    checkpoints; 0 for none."""
    average_best: bool = False
    """Take the best checkpoints by val_nll in place of the last."""
    max_minutes: float | None = None
    """Minutes of training, over all sittings; None for no limit."""
    tensorboard: bool = False
    """Write TensorBoard events (needs the extra `tensorboard`)."""

    def __post_init__(self):
        check_added_tokens(self.add_token)
        if not 0 <= self.ema_momentum < 1:
            raise UserError(f"--ema-momentum must be at least 0 and below 1, got {self.ema_momentum}")
        positive = ("vocabulary_size", "batch_size", "total_steps", "validate_every_steps", "checkpoint_every_steps")
        for name in (*positive, "average_checkpoints"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        if self.sequence_length < _SHORTEST:
            raise UserError(f"--sequence-length must be at least {_SHORTEST}, got {self.sequence_length}")
        if self.max_positions is not None and self.max_positions < self.sequence_length:
            raise UserError(
                f"--max-positions {self.max_positions} is less than --sequence-length {self.sequence_length}"
            )
        if self.line_by_line and self.next_sentence:
            raise UserError("--line-by-line makes rows of single lines, --next-sentence of several; choose one")
        if not 0 < self.masked_share < 1:
            raise UserError(f"--masked-share must be above 0 and below 1, got {self.masked_share}")
        if not self.learning_rate > 0:
            raise UserError(f"--learning-rate must be above 0, got {self.learning_rate}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, got {self.dropout}")
        if self.warmup_steps is not None and not 0 <= self.warmup_steps < (self.total_steps or math.inf):
            raise UserError(
                f"--warmup-steps {self.warmup_steps} must be at least 0 and below --total-steps {self.total_steps}"
            )
        if self.early_stopping_patience < 0:
            raise UserError(f"--early-stopping-patience must be at least 0, got {self.early_stopping_patience}")
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
