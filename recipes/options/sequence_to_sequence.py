"""Settings that the recipes share which train an encoder-decoder on pairs of texts."""

from dataclasses import dataclass
from typing import Literal

from recipes.options.run import flag
from recipes.options.split_files import SplitFileOptions
from recipes.options.steps import StepOptions
from recipes.options.tuning import TuningOptions
from zoo.errors import UserError
from zoo.metrics.text_language import language_from_code
from zoo.ranges import check_range

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
class SequenceToSequenceConfig(TuningOptions, StepOptions, SplitFileOptions):
    """Vocabulary, model, optimisation and decoding of a recipe that learns to write a text from another."""

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
    optimizer: Literal["adam", "adamw"] = "adam"
    """Optimiser."""
    schedule: Literal["inverse_square_root", "cosine"] = "cosine"
    """Learning rate after warm-up."""
    learning_rate: float | None = 3e-3
    """Learning rate at the end of warm-up; by the size of the model if None."""
    warmup_steps: int | None = 100
    weight_decay: float = 0.0
    """Decoupled weight decay of matrices (adamw)."""
    clip_norm: float = 0.0
    label_smoothing: float = 0.1
    """Probability spread over the vocabulary."""
    validate_every_steps: int | None = 200
    checkpoint_every_steps: int | None = 100

    target_language: str | None = None
    """Code of the language of the targets or summaries, such as de, zh-TW or jpn_Jpan, which the scores depend on; that
    of the named data set or, for files, by the script of the references if None."""
    num_beams: int = 5
    """Beams of the final model."""
    length_penalty: float = 1.0
    """Exponent of the length in the score of a hypothesis."""

    def __post_init__(self):
        super().__post_init__()
        self.check_at_least(1, "vocabulary_size", "batch_size_tokens", "num_beams")
        self.check_shares("label_smoothing", "dropout")
        self.check_positive("learning_rate")
        if self.target_language is not None:
            language_from_code(self.target_language)
        warmup, total = self.warmup_steps, self.total_steps
        if self.schedule == "cosine" and warmup is not None and total is not None and warmup >= total:
            raise UserError(f"--warmup-steps {warmup} must be below --total-steps {total}")
        if self.weight_decay and self.optimizer == "adam":
            raise UserError("--weight-decay needs --optimizer adamw")

    def check_lengths(self, **lengths):
        """Refuses greatest lengths, by field name, that are too small, or larger than a batch."""
        for name, length in lengths.items():
            check_range(flag(name), length, least=1)
            if self.batch_size_tokens is not None and self.batch_size_tokens < length:
                raise UserError(
                    f"--batch-size-tokens {self.batch_size_tokens} is less than {flag(name)} {length}: "
                    "a batch must hold one pair of the greatest length"
                )
