"""Settings of the language modelling recipe and their named variants."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from recipes.added_tokens import AddedTokens, check_added_tokens
from recipes.device_options import DeviceOptions, Devices
from recipes.fine_tuning_config import flag
from recipes.variants import parse_variants
from zoo.errors import UserError


@dataclass(frozen=True)
class LanguageModelingConfig:
    r"""Trains a GPT-2 on raw text, from scratch or from a pretrained one, and saves it as a preset that writes text.

    Text is a named data set (--dataset) or files (--train, --validation): plain UTF-8, also .gz, read to the last blank
    and line end, or .jsonl. A run that was stopped goes on when the same command is given again.
    """

    variant: Literal["own-data", "shakespeare", "shakespeare-large"] = "own-data"
    """Named settings that the other options start from."""
    directory: Path = Path("runs/language_modeling")
    """Where the run is kept: checkpoints, logs, samples, learning curve and, at the end, the preset."""
    seed: int = 1
    """Seed of new weights, dropout and data order."""

    dataset: str | None = None
    """Named data set, "tinyshakespeare"; None to read files."""
    train: tuple[Path, ...] = ()
    """Text files to train on."""
    validation: tuple[Path, ...] = ()
    """Text files to validate on."""
    document_separator: str | None = None
    r"""What stands between the documents of a text file, such as "<|endoftext|>" (\n is a line end); a file is one
    document if None."""
    text_field: str = "text"
    """The field of .jsonl files that holds the text."""

    pretrained: Path | None = None
    """Go on from a Hugging Face directory of a GPT-2 or a preset, with its tokenizer."""
    vocabulary_type: Literal["bpe", "bytes"] = "bpe"
    """Tokens of a new model: byte pairs, trained on the training text, or single bytes, which are the characters of
    ASCII text."""
    vocabulary_size: int | None = None
    """Tokens of a trained vocabulary of byte pairs; 8,000, or as many as the text allows, if None."""
    add_token: AddedTokens = ()
    """A token to add to the vocabulary, one id wherever a text holds it, such as "[E1]". The vector of a token that is
    new to a pretrained model starts as the mean of all others."""
    size: Literal["small", "medium", "large", "xl"] | None = None
    """Size of a new model, of which the next options change parts; if None small, or for less than a hundred million
    characters of text 4 blocks of width 256, which two cores can train."""
    num_layers: int | None = None
    """Blocks; the size's own if None."""
    hidden_dim: int | None = None
    """Width, with feed-forward networks of four times as much; the size's own if None."""
    num_heads: int | None = None
    """Attention heads; the size's own if None."""
    dropout: float | None = None
    """Dropout rate, everywhere; 0.1 if None, that of the pretrained model for --pretrained."""
    max_positions: int | None = None
    """Longest text that a new model can ever read; --context if None."""

    context: int = 256
    """Tokens that are read at once in training."""
    document_masks: bool = False
    """Whether a position sees only its own document where a block holds several."""
    batch_size: int = 16
    """Blocks of a batch."""
    total_steps: int | None = None
    """Updates; by the amount of training text if None. --max-minutes may end training before, with the learning rate
    where it is at the end."""
    learning_rate: float = 5e-4
    """Learning rate at the end of warm-up, from which it falls along a cosine."""
    final_learning_rate: float = 5e-5
    """Learning rate at the end."""
    warmup_steps: int | None = None
    """Updates of linear warm-up; a tenth of all, and 4,000 at most, if None."""
    beta_2: float = 0.99
    """Decay rate of AdamW's second moment."""
    weight_decay: float = 0.1
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
    """Updates between validations, each with a few samples of text; a tenth of the run if None."""
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

    stride: int | None = None
    """Tokens by which the windows of the final perplexity move on; half of --context if None."""
    sample_prompts: tuple[str, ...] = ("",)
    """What the samples of text continue; an empty prompt begins a text."""
    sample_tokens: int = 200
    """Tokens of a sample, at most."""
    temperature: float = 0.8
    """Temperature of the samples and the preset; 0 for the most probable tokens."""
    top_p: float = 0.95
    """Nucleus of the samples and the preset."""

    def __post_init__(self):
        check_added_tokens(self.add_token)
        if not 0 <= self.ema_momentum < 1:
            raise UserError(f"--ema-momentum must be at least 0 and below 1, got {self.ema_momentum}")
        positive = ("batch_size", "total_steps", "validate_every_steps", "checkpoint_every_steps", "sample_tokens")
        for name in (*positive, "average_checkpoints", "vocabulary_size"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        for name in ("num_layers", "hidden_dim", "num_heads"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        if self.context < 2:
            raise UserError(f"--context must be at least 2, got {self.context}")
        if self.max_positions is not None and self.max_positions < self.context:
            raise UserError(f"--max-positions {self.max_positions} is less than --context {self.context}")
        if self.stride is not None and not 1 <= self.stride <= self.context:
            raise UserError(f"--stride must be between 1 and --context ({self.context}), got {self.stride}")
        if not self.learning_rate > 0:
            raise UserError(f"--learning-rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.final_learning_rate <= self.learning_rate:
            raise UserError(
                f"--final-learning-rate must be between 0 and --learning-rate ({self.learning_rate}), "
                f"got {self.final_learning_rate}"
            )
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, got {self.dropout}")
        if self.warmup_steps is not None and not 0 <= self.warmup_steps < (self.total_steps or math.inf):
            raise UserError(
                f"--warmup-steps {self.warmup_steps} must be at least 0 and below --total-steps {self.total_steps}"
            )
        if self.early_stopping_patience < 0:
            raise UserError(f"--early-stopping-patience must be at least 0, got {self.early_stopping_patience}")
        if not 0 <= self.temperature <= 100:
            raise UserError(f"--temperature must be between 0 and 100, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise UserError(f"--top-p must be above 0 and at most 1, got {self.top_p}")
        if self.pretrained is not None:
            for name in ("num_layers", "hidden_dim", "num_heads", "dropout", "max_positions"):
                if getattr(self, name) is not None:
                    raise UserError(f"{flag(name)} is for new models; the one of --pretrained has its own")


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    if config.dataset is not None and (config.train or config.validation):
        raise UserError("--dataset and --train name two texts; give one of them")
    if config.dataset is None:
        for name in ("train", "validation"):
            if not getattr(config, name):
                raise UserError(f"{flag(name)} is missing: name one or more text files, or a data set with --dataset")


def own_data():
    """Starting point for files of your own, of any length, which decides on the size of model and run."""
    return LanguageModelingConfig()


def shakespeare():
    """Plays of Shakespeare, character by character, in minutes on a CPU.

    Model, context, batch and updates are nanoGPT's settings for a CPU; the learning rate is three times as high.
    """
    return LanguageModelingConfig(
        variant="shakespeare",
        directory=Path("runs/shakespeare"),
        dataset="tinyshakespeare",
        vocabulary_type="bytes",
        num_layers=4,
        hidden_dim=128,
        num_heads=4,
        dropout=0.0,
        context=64,
        batch_size=12,
        total_steps=2000,
        learning_rate=3e-3,
        final_learning_rate=1e-4,
        warmup_steps=100,
        validate_every_steps=250,
        checkpoint_every_steps=250,
        sample_prompts=("", "ROMEO:"),
        sample_tokens=48,
    )


def shakespeare_large():
    """The same with nanoGPT's settings for a GPU: about ten million parameters."""
    return replace(
        shakespeare(),
        variant="shakespeare-large",
        directory=Path("runs/shakespeare-large"),
        num_layers=6,
        hidden_dim=384,
        num_heads=6,
        dropout=0.2,
        context=256,
        batch_size=64,
        total_steps=5000,
        learning_rate=1e-3,
        sample_tokens=200,
        # The published score is that of the best checkpoint: the model overfits towards the end.
        average_best=True,
    )


VARIANTS = {"own-data": own_data, "shakespeare": shakespeare, "shakespeare-large": shakespeare_large}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `LanguageModelingConfig`."""
    return parse_variants(LanguageModelingConfig, VARIANTS, "own-data", argv, "python -m recipes.language_modeling")
