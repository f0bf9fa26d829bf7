"""Options of recipes that train an encoder, a new one or a pretrained one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.options.added_tokens import AddedTokenOptions


@dataclass(frozen=True)
class EncoderOptions(AddedTokenOptions):
    """Which encoder training starts from, and its vocabulary."""

    pretrained: Path | None = None
    """Start from the encoder of a Hugging Face directory or a preset, with its tokenizer; from random weights if
    None."""
    size: Literal["tiny", "mini", "small", "medium", "base", "large"] = "tiny"
    """Size of a new encoder."""
    dropout: float | None = None
    """Dropout rate of a new encoder; 0.1 if None."""
    vocabulary_size: int | None = None
    """Tokens of the vocabulary that is trained on the training texts for a new encoder; 8,000, or as many as the texts
    allow, if None."""
    lowercase: bool = True
    """Whether the vocabulary of a new encoder is of lowercase text without accents."""

    def __post_init__(self):
        super().__post_init__()
        self.check_at_least(1, "vocabulary_size")
        self.check_shares("dropout")
