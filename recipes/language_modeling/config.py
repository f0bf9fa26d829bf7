"""Settings of the language modelling recipe and their named variants."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.added_tokens import AddedTokenOptions
from recipes.options.run import flag
from recipes.options.steps import StepOptions
from recipes.options.tuning import TuningOptions
from zoo.errors import UserError
from zoo.ranges import check_range

SIZES = {"gpt2": ("small", "medium", "large", "xl"), "llama": ("15m", "42m", "110m", "135m", "1b")}
"""Names of the published sizes of each architecture."""

_OF_NEW_MODELS = (
    "architecture",
    "size",
    "num_layers",
    "hidden_dim",
    "num_heads",
    "num_key_value_heads",
    "qk_norm",
    "dropout",
    "max_positions",
)


@dataclass(frozen=True)
class LanguageModelingConfig(AddedTokenOptions, TuningOptions, StepOptions):
    r"""Trains a GPT-2 or Llama on raw text, from scratch or from a pretrained one, and saves a preset that writes text.

    With --data chat a pretrained language model learns the answers of conversations, with --data preferences which
    answers are preferred to others (direct preference optimisation).

    Text is a named data set (--dataset) or files (--train, --validation): plain UTF-8, also .gz, read to the last blank
    and line end, or .jsonl. A run that was stopped goes on when the same command is given again.
    """

    variant: Literal["own-data", "chat", "preferences", "shakespeare", "shakespeare-large", "shakespeare-llama"] = (
        "own-data"
    )
    directory: Path = Path("runs/language_modeling")

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
    data: Literal["text", "chat", "preferences"] = "text"
    """What the files hold: text; .jsonl conversations, each a list of messages with role and content, of which the
    answers are learned, written by the chat template of --pretrained, whole ones side by side; or .jsonl preferences
    with prompt, chosen and rejected, all texts or all lists of messages."""
    dpo_beta: float = 0.1
    """How dear it is to go away from the model before training, for --data preferences."""
    messages_field: str = "messages"
    """The field that holds the messages of a conversation."""

    pretrained: Path | None = None
    """Go on from a Hugging Face directory or GGUF file of a language model, or a preset, with its tokenizer."""
    vocabulary_type: Literal["bpe", "bytes"] = "bpe"
    """Tokens of a new model: byte pairs, trained on the training text, or single bytes, which are the characters of
    ASCII text."""
    vocabulary_size: int | None = None
    """Tokens of a trained vocabulary of byte pairs; 8,000, or as many as the text allows, if None."""
    architecture: Literal["gpt2", "llama"] = "gpt2"
    """What a new model is made of: the blocks of GPT-2, or those of Llama, which have rotary positions, gated
    feed-forward networks and root mean square norms."""
    size: Literal["small", "medium", "large", "xl", "15m", "42m", "110m", "135m", "1b"] | None = None
    """Size of a new model, of which the next options change parts: small to xl for gpt2, 15m to 1b for llama. If None,
    small and 110m, or for less than a hundred million characters of text 4 blocks of width 256, which two cores can
    train."""
    num_layers: int | None = None
    """Blocks; the size's own if None."""
    hidden_dim: int | None = None
    """Width, with feed-forward networks of four times as much for gpt2, and for llama of 8/3, rounded up to a multiple
    of 8; the size's own if None."""
    num_heads: int | None = None
    """Attention heads, of queries, keys and values; the size's own if None."""
    num_key_value_heads: int | None = None
    """Heads of keys and values where they are fewer than those of queries, for llama; the size's own if None."""
    qk_norm: bool = False
    """Whether queries and keys are normalised, for llama."""
    dropout: float | None = None
    """Dropout rate, everywhere; if None 0.1 for gpt2, 0 for llama, that of the pretrained model for --pretrained."""
    max_positions: int | None = None
    """Longest text that a new model can ever read; --context if None."""

    context: int = 256
    """Tokens that are read at once in training."""
    document_masks: bool = False
    """Whether a position sees only its own document where a block holds several."""
    batch_size: int = 16
    """Blocks of a batch."""
    learning_rate: float = 5e-4
    """Learning rate at the end of warm-up."""
    final_learning_rate: float = 5e-5
    """Learning rate at the end."""
    schedule: Literal["cosine", "wsd"] = "cosine"
    """How the learning rate falls after warm-up: along a cosine, or (warm-up, stable, decay) linearly in the last fifth
    of the run."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """AdamW for all weights, or Muon for the matrices of the blocks, with updates as large as those of AdamW. Muon is
    for training from scratch: it makes models that AdamW has trained worse."""
    beta_2: float = 0.99
    """Decay rate of AdamW's second moment."""
    z_loss: float = 0.0
    """Factor of the squared logarithm of the softmax's normalizer, which is added to the loss; 0 for none."""
    weight_decay: float = 0.1

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
        super().__post_init__()
        self.check_at_least(
            1,
            "vocabulary_size",
            "num_layers",
            "hidden_dim",
            "num_heads",
            "num_key_value_heads",
            "batch_size",
            "sample_tokens",
        )
        self.check_shares("dropout")
        if self.optimizer == "muon" and self.tune != "full":
            raise UserError(f"--optimizer muon is for matrices, which --tune {self.tune} leaves as they are: use adamw")
        check_range("--context", self.context, least=2)
        if self.max_positions is not None and self.max_positions < self.context:
            raise UserError(f"--max-positions {self.max_positions} is less than --context {self.context}")
        if self.stride is not None and not 1 <= self.stride <= self.context:
            raise UserError(f"--stride must be between 1 and --context ({self.context}), got {self.stride}")
        self.check_positive("learning_rate")
        if not 0 <= self.final_learning_rate <= self.learning_rate:
            raise UserError(
                f"--final-learning-rate must be between 0 and --learning-rate ({self.learning_rate}), "
                f"got {self.final_learning_rate}"
            )
        self.check_warmup()
        check_range("--temperature", self.temperature, least=0, most=100)
        check_range("--top-p", self.top_p, above=0, most=1)
        check_range("--z-loss", self.z_loss, least=0)
        check_range("--dpo-beta", self.dpo_beta, above=0)
        self._check_new_model()

    def _check_new_model(self):
        if self.size is not None and self.size not in SIZES[self.architecture]:
            raise UserError(
                f"--size {self.size} is not of --architecture {self.architecture}, which has "
                f"{', '.join(SIZES[self.architecture])}"
            )
        if self.architecture != "llama":
            for name in ("num_key_value_heads", "qk_norm"):
                if getattr(self, name):
                    raise UserError(f"{flag(name)} is for --architecture llama")
        if self.pretrained is not None:
            for name in _OF_NEW_MODELS:
                if getattr(self, name) not in (None, False, "gpt2"):
                    raise UserError(f"{flag(name)} is for new models; the one of --pretrained has its own")


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    if config.data != "text":
        if config.pretrained is None:
            what = " with a chat template" if config.data == "chat" else ""
            raise UserError(f"--data {config.data} needs --pretrained, a language model{what}")
        for name in ("dataset", "document_separator"):
            if getattr(config, name) is not None:
                raise UserError(f"{flag(name)} is for text, not for --data {config.data}")
    if config.data == "preferences" and config.z_loss:
        raise UserError("--z-loss is for --data text and chat, whose loss is of single tokens")
    if config.dataset is not None and (config.train or config.validation):
        raise UserError("--dataset and --train name two texts; give one of them")
    if config.dataset is None:
        for name in ("train", "validation"):
            if not getattr(config, name):
                raise UserError(f"{flag(name)} is missing: name one or more text files, or a data set with --dataset")


def own_data():
    """Starting point for files of your own, of any length, which decides on the size of model and run."""
    return LanguageModelingConfig()


def chat():
    """Starting point for conversations of your own, in .jsonl files, and a pretrained model with a chat template."""
    return LanguageModelingConfig(
        variant="chat",
        directory=Path("runs/chat"),
        data="chat",
        context=512,
        batch_size=8,
        learning_rate=5e-5,
        final_learning_rate=5e-6,
        beta_2=0.999,
        weight_decay=0.01,
    )


def preferences():
    """Starting point for preferences of your own, in .jsonl files, and a pretrained model."""
    return replace(
        chat(),
        variant="preferences",
        directory=Path("runs/preferences"),
        data="preferences",
        learning_rate=5e-6,
        final_learning_rate=5e-7,
    )


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


def shakespeare_llama():
    """As shakespeare, in as many updates, with as many parameters of Llama's blocks and Muon."""
    return replace(
        shakespeare(),
        variant="shakespeare-llama",
        directory=Path("runs/shakespeare-llama"),
        architecture="llama",
        qk_norm=True,
        optimizer="muon",
    )


VARIANTS = {
    "own-data": own_data,
    "chat": chat,
    "preferences": preferences,
    "shakespeare": shakespeare,
    "shakespeare-large": shakespeare_large,
    "shakespeare-llama": shakespeare_llama,
}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `LanguageModelingConfig`."""
    return parse_variants(LanguageModelingConfig, VARIANTS, "own-data", argv, "python -m recipes.language_modeling")
