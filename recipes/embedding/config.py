"""Settings of the embedding recipe and their named variants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.data_files import check_file_options, is_table
from recipes.options.epochs import EpochConfig
from zoo.data.readers.class_format import ClassFormat
from zoo.data.readers.tuple_format import TupleFormat
from zoo.errors import UserError
from zoo.ranges import check_range

_TUPLES = "rows of texts, which --columns names"
_RETRIEVAL = ("test_queries", "test_corpus", "test_qrels")


@dataclass(frozen=True)
class EmbeddingConfig(ClassFormat, TupleFormat, EpochConfig):
    """Trains a text embedder and saves it as a preset in its run directory.

    Data is a named data set (--dataset banking77) or files of your own (--train, --validation, --test): .csv, .tsv or
    .jsonl (or .gz after it), of texts with labels, of pairs or triplets of texts (--columns), or of pairs with scores
    (--columns and --score-column). A run that was stopped goes on when the same command is given again.
    """

    variant: Literal["banking77", "own-data"] = "own-data"
    directory: Path = Path("runs/embedding")
    dataset: str | None = None
    """Named data set, "banking77"; None to read files."""
    validation: Path | None = None
    """Validation file; a tenth of the training rows is held out if there is none."""
    texts_per_label: int | None = None
    """Training texts of each label, drawn by --seed; all if None."""
    test_queries: Path | None = None
    """Queries of a retrieval set to score: .jsonl with _id and text, or .tsv with id and text."""
    test_corpus: Path | None = None
    """Its documents, likewise; a title goes before the text."""
    test_qrels: Path | None = None
    """Which document answers which query: .tsv with query-id, corpus-id and score."""

    loss: Literal["in-batch", "cosent", "cosine", "triplet", "distillation"] | None = None
    """What is learned: to tell the right text from all others of the batch, the order of scores, the scores
    themselves, a margin between positive and negative, or a teacher's vectors. If None in-batch, or cosent with
    scores."""
    temperature: float = 0.05
    """What cosines are divided by (in-batch, cosent)."""
    symmetric: bool = False
    """Whether anchors are told apart by positives, too (in-batch)."""
    margin: float = 0.5
    """By how much a negative must be further away (triplet)."""
    distance: Literal["cosine", "euclidean"] = "cosine"
    """What the margin is of (triplet)."""
    teacher: Path | None = None
    """Embedder whose vectors are learned (distillation)."""
    matryoshka_dims: tuple[int, ...] = ()
    """Numbers of entries that are to be good vectors by themselves, besides all, such as 256 128 64."""

    pooling: Literal["mean", "first", "last", "max", "mean_sqrt_len", "weighted_mean"] | None = None
    """How a new embedder makes one vector of an encoder's; mean if None. A pretrained embedder has its own."""
    prompts: tuple[str, ...] = ()
    """Texts to put before inputs, as NAME=TEXT, in place of those of a pretrained embedder."""
    query_prompt: str = ""
    """Name of the prompt before the first text of a row, and before texts with labels; the embedder's default if
    empty."""
    document_prompt: str = ""
    """Name of the prompt before the other texts of a row and before documents; the embedder's default if empty."""
    max_source_length: int = 128
    """Longest text in tokens, special ones included; the rest is cut off."""

    batch_size: int = 64
    """Examples of a batch, each of which is told apart from all others. --accumulate-steps makes larger ones fit, with
    the same result."""

    def __post_init__(self):
        super().__post_init__()
        check_range("--max-source-length", self.max_source_length, least=4)
        self.check_positive("temperature", "margin")
        self.check_at_least(2, "texts_per_label")
        if not self.score_low < self.score_high:
            raise UserError(f"--score-low {self.score_low:g} must be below --score-high {self.score_high:g}")
        if len(set(self.matryoshka_dims)) < len(self.matryoshka_dims) or any(dim < 1 for dim in self.matryoshka_dims):
            raise UserError(f"--matryoshka-dims must be different numbers above 0, got {self.matryoshka_dims}")
        if self.dropout is not None and self.pretrained is not None:
            raise UserError("--dropout is for new encoders; the one of --pretrained has its own")
        given = [name for name in _RETRIEVAL if getattr(self, name) is not None]
        if given and len(given) < len(_RETRIEVAL):
            raise UserError("a retrieval set is three files: give --test-queries, --test-corpus and --test-qrels")
        names = [prompt.partition("=")[0] for prompt in self.prompts]
        if not all("=" in prompt for prompt in self.prompts) or "" in names or len(set(names)) < len(names):
            raise UserError(f"--prompts must be different NAME=TEXT, got {' '.join(map(repr, self.prompts))}")
        self._check_loss()

    @property
    def chosen_loss(self):
        """The loss: the one asked for, or what suits the data."""
        return self.loss or ("in-batch" if self.score_column is None else "cosent")

    def _check_loss(self):
        loss, columns = self.chosen_loss, len(self.columns)
        if self.score_column is not None and columns != 2:
            raise UserError(f"--score-column is a score of two texts; --columns names {columns}")
        if (loss in ("cosent", "cosine")) != (self.score_column is not None):
            needs = "a --score-column" if self.score_column is None else "no --score-column"
            raise UserError(f"--loss {loss} needs {needs}")
        if (loss == "distillation") != (self.teacher is not None):
            raise UserError("--loss distillation and --teacher go together; give both or neither")
        if loss == "triplet" and columns != 3:
            raise UserError(f"--loss triplet needs --columns of anchor, positive and negative; it has {columns}")
        if loss == "distillation" and not columns:
            raise UserError("--loss distillation needs --columns, the columns of the texts")
        if loss != "distillation" and columns == 1:
            raise UserError(f"--loss {loss} compares texts; --columns names one alone")


def check_data_options(config):
    """Refuses combinations of data options that name no data or too much of it.

    Raises:
        UserError: naming the options.
    """
    config.check_one_training_set("train")
    options = {"delimiter": ("tables (.csv, .tsv)", is_table)}
    labels = ("text_column", "label_column", "label_columns", "label_names", "label_separator")
    if config.columns:
        options |= {name: ("texts with labels, without --columns", _none) for name in labels}
        options["texts_per_label"] = ("texts with labels, without --columns", _none)
        options["columns"] = (_TUPLES, _any)
    if not config.score_column:
        options |= {name: ("a --score-column", _none) for name in ("score_low", "score_high")}
    check_file_options(config, options)


def _none(name):
    return False


def _any(name):
    return True


def own_data():
    """Starting point for files of your own."""
    return EmbeddingConfig()


def banking77():
    """BANKING77, 77 intents of bank customers; meant for --pretrained."""
    return EmbeddingConfig(
        variant="banking77",
        directory=Path("runs/banking77-embedding"),
        dataset="banking77",
        batch_size=64,
        learning_rate=1e-4,
        max_source_length=64,
    )


VARIANTS = {"own-data": own_data, "banking77": banking77}


def parse_command_line(argv):
    """The configuration that a command line asks for, an `EmbeddingConfig`."""
    return parse_variants(EmbeddingConfig, VARIANTS, "own-data", argv, "python -m recipes.embedding")
