"""Settings that the recipes share which train an encoder in epochs."""

from dataclasses import dataclass

from recipes.options.encoder import EncoderOptions
from recipes.options.split_files import SplitFileOptions
from recipes.options.tuning import TuningOptions
from zoo.errors import UserError
from zoo.ranges import check_range


@dataclass(frozen=True)
class EpochConfig(EncoderOptions, TuningOptions, SplitFileOptions):
    """Encoder and optimisation of a recipe that counts its training in epochs."""

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
    """Learning rate at the end of warm-up, from which it falls linearly to 0; if None 5e-5 of a pretrained encoder
    (by --tune: 5e-4 of low-rank adapters, 1e-3 of others, biases and the head), and from scratch 1e-3, or for sizes
    from medium on 1e-4."""
    warmup_share: float = 0.1
    """Share of all updates that is warm-up."""

    validations_per_epoch: int | None = None
    """Validations in each epoch; if None one, and no more than 20 in a run."""
    average_checkpoints: int = 1
    """Checkpoints, the best by the validation score, that are averaged into the final model."""

    def __post_init__(self):
        super().__post_init__()
        if self.add_token and self.trainable_blocks is not None:
            raise UserError("--add-token adds vectors that must learn, and --trainable-blocks keeps them as they are")
        self.check_at_least(1, "batch_size", "epochs", "validations_per_epoch")
        self.check_positive("learning_rate", "head_rate_factor")
        self.check_shares("warmup_share")
        check_range("--layer-decay", self.layer_decay, above=0, most=1)
