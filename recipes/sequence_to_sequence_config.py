"""Settings that the recipes share which train an encoder-decoder on pairs of texts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from recipes.device_options import DeviceOptions, Devices
from recipes.fine_tuning_config import flag
from zoo.errors import UserError

NEW_MODEL_OPTIONS = (
    "vocabulary_size",
    "vocabulary_type",
    "joint_vocabulary",
    "normalization",
    "size",
    "num_layers",
    "dropout",
    "norm",
)
"""What a pretrained model brings along."""


@dataclass(frozen=True)
class SequenceToSequenceConfig:
    """Vocabulary, model, optimisation and decoding of a recipe that learns to write a text from another."""

    variant: str = ""
    """Named settings that the other options start from."""
    directory: Path = Path("runs/sequence_to_sequence")
    """Where the run is kept: checkpoints, logs, learning curve and, at the end, the preset."""
    seed: int = 1
    """Seed of initial weights, dropout and data order."""

    vocabulary_size: int | None = 2000
    """Tokens in each vocabulary; as many as suit the training text, up to 8,000, if None."""
    vocabulary_type: Literal["bpe", "unigram"] = "bpe"
    """SentencePiece model type."""
    joint_vocabulary: bool = True
    """One vocabulary for both languages, with all embeddings tied; else one each."""
    normalization: Literal["identity", "lowercase", "nfkc", "nmt_nfkc"] = "identity"
    """Unicode normalisation of text; identity loses nothing, lowercase only the case of letters."""

    size: Literal["tiny", "small", "base", "big"] | None = "tiny"
    """Size of the model; by the number of training pairs if None: tiny, or small from 100,000 on."""
    num_layers: int | None = 2
    """Blocks in encoder and decoder; the size's own if None."""
    dropout: float | None = 0.1
    """Dropout rate; the size's own if None."""
    norm: Literal["post", "pre"] = "post"
    """Layer normalisation after each sub-layer or before."""
    max_length_ratio: float | None = 4.0
    """Pairs whose token counts differ by more than this factor are left out of training; None for any."""

    batch_size_tokens: int | None = 2048
    """Positions of a batch on either side, padding included; by the number of training pairs if None."""
    total_steps: int | None = 800
    """Updates; by the amount of training data if None. --max-minutes may end training before, with the learning rate
    where it is at the end."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Optimiser."""
    schedule: Literal["inverse_square_root", "cosine"] = "cosine"
    """Learning rate after warm-up."""
    learning_rate: float | None = 3e-3
    """Learning rate at the end of warm-up; by the size of the model if None."""
    warmup_steps: int | None = 100
    """Updates of linear warm-up; a tenth of all, and 4,000 at most, if None."""
    weight_decay: float = 0.0
    """Decoupled weight decay of matrices (adamw)."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0 for no clipping."""
    label_smoothing: float = 0.1
    """Probability spread over the vocabulary."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Precision of training; weights and the saved preset are float32."""
    jit_compile: bool = False
    """Compile training with XLA on TensorFlow: faster steps, minutes of compilation. JAX always compiles."""
    devices: Devices = field(default_factory=DeviceOptions)
    """Devices that train."""

    validate_every_steps: int | None = 200
    """Updates between validations; a tenth of the run if None."""
    checkpoint_every_steps: int | None = 100
    """Updates between checkpoints; a twentieth of the run if None."""
    early_stopping_patience: int = 0
    """Validations without improvement before training stops; 0 never stops."""
    average_checkpoints: int = 1
    """Checkpoints averaged into the final model; 1 for the newest alone."""
    ema_momentum: float = 0.0
    """Final model from moving averages of the weights, with this share of the old in each update, in place of averaged
    checkpoints; 0 for none."""
    average_best: bool = False
    """Average the best checkpoints by the early-stopping metric in place of the last."""
    max_minutes: float | None = None
    """Minutes of training, over all sittings; None for no limit."""

    num_beams: int = 5
    """Beams of the final model."""
    length_penalty: float = 1.0
    """Exponent of the length in the score of a hypothesis."""
    tensorboard: bool = False
    """Write TensorBoard events (needs the extra `tensorboard`)."""

    def __post_init__(self):
        if not 0 <= self.ema_momentum < 1:
            raise UserError(f"--ema-momentum must be at least 0 and below 1, got {self.ema_momentum}")
        for name in ("vocabulary_size", "batch_size_tokens", "total_steps", "num_beams"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        for name in ("validate_every_steps", "checkpoint_every_steps", "average_checkpoints"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise UserError(f"--learning-rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"--label-smoothing must be at least 0 and below 1, got {self.label_smoothing}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, got {self.dropout}")
        known = self.warmup_steps is not None and self.total_steps is not None
        if self.schedule == "cosine" and known and self.warmup_steps >= self.total_steps:
            raise UserError(f"--warmup-steps {self.warmup_steps} must be below --total-steps {self.total_steps}")
        if self.weight_decay and self.optimizer == "adam":
            raise UserError("--weight-decay needs --optimizer adamw")

    def check_lengths(self, **lengths):
        """Refuses greatest lengths, by field name, that are too small, or larger than a batch."""
        for name, length in lengths.items():
            if length < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {length}")
            if self.batch_size_tokens is not None and self.batch_size_tokens < length:
                raise UserError(
                    f"--batch-size-tokens {self.batch_size_tokens} is less than {flag(name)} {length}: "
                    "a batch must hold one pair of the greatest length"
                )
