"""Settings that all recipes share which put a new head on an encoder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from recipes.added_tokens import AddedTokens, check_added_tokens
from recipes.device_options import DeviceOptions, Devices
from zoo.errors import UserError


@dataclass(frozen=True)
class FineTuningConfig:
    """Encoder, optimisation and reports of a recipe that fine-tunes."""

    directory: Path = Path("runs/fine-tuning")
    """Where the run is kept: checkpoints, logs, learning curve and, at the end, the preset."""
    seed: int = 1
    """Seed of new weights, dropout and data order."""

    pretrained: Path | None = None
    """Pretrained encoder: a Hugging Face directory or a preset. Without one, training starts from random weights."""
    size: Literal["tiny", "mini", "small", "medium", "base", "large"] = "tiny"
    """Size of an encoder without pretraining."""
    vocabulary_size: int | None = None
    """Tokens of the vocabulary that is trained on the training texts, where there is no pretrained encoder; 8,000, or
    as many as the texts allow, if None."""
    lowercase: bool = True
    """Whether that vocabulary is of lowercase text without accents."""
    add_token: AddedTokens = ()
    """A token to add to the vocabulary, one id wherever a text holds it, such as "[E1]". The vector of a token that is
    new to a pretrained model starts as the mean of all others."""
    dropout: float | None = None
    """Dropout rate on the input of the head; the encoder's own rate if None."""

    trainable_blocks: int | None = None
    """Blocks that learn, counted from the top, besides the head; None for everything, 0 for the head alone."""
    layer_decay: float = 1.0
    """Factor of the learning rate from each block to the one below."""
    head_rate_factor: float = 1.0
    """Factor of the learning rate of the head."""

    batch_size: int = 16
    """Rows of a batch."""
    epochs: int | None = None
    """Passes over the training data; if None 5 of a pretrained encoder, 10 from scratch, and more for few examples."""
    learning_rate: float | None = None
    """Learning rate at the end of warm-up, from which it falls linearly to 0; if None 5e-5 of a pretrained encoder,
    and from scratch 1e-3, or for sizes from medium on 1e-4."""
    warmup_share: float = 0.1
    """Share of all updates that is warm-up."""
    weight_decay: float = 0.01
    """Decoupled weight decay of matrices."""
    clip_norm: float = 1.0
    """Largest global norm of the gradients; 0 for no clipping."""
    label_smoothing: float = 0.0
    """Probability spread over all classes."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Precision of training; weights and the saved preset are float32."""
    jit_compile: bool = False
    """Compile training with XLA on TensorFlow. JAX always compiles."""
    devices: Devices = field(default_factory=DeviceOptions)
    """Devices that train."""

    validations_per_epoch: int | None = None
    """Validations in each epoch; if None one, and no more than 20 in a run."""
    early_stopping_patience: int = 0
    """Validations without improvement before training stops; 0 never stops."""
    average_checkpoints: int = 1
    """Checkpoints, the best by the validation score, that are averaged into the final model."""
    max_minutes: float | None = None
    """Minutes of training, over all sittings; None for no limit."""
    tensorboard: bool = False
    """Write TensorBoard events (needs the extra `tensorboard`)."""

    def __post_init__(self):
        check_added_tokens(self.add_token)
        if self.add_token and self.trainable_blocks is not None:
            raise UserError("--add-token adds vectors that must learn, and --trainable-blocks keeps them as they are")
        for name in ("vocabulary_size", "batch_size", "epochs", "validations_per_epoch", "average_checkpoints"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise UserError(f"--learning-rate must be above 0, got {self.learning_rate}")
        for name in ("warmup_share", "label_smoothing", "dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UserError(f"{flag(name)} must be at least 0 and below 1, got {value}")
        if not 0 < self.layer_decay <= 1:
            raise UserError(f"--layer-decay must be above 0 and at most 1, got {self.layer_decay}")
        if not self.head_rate_factor > 0:
            raise UserError(f"--head-rate-factor must be above 0, got {self.head_rate_factor}")


def flag(name):
    """An option's spelling on the command line."""
    return "--" + name.replace("_", "-")
