"""Settings of the question answering recipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipes.command_line.variants import parse_variants
from recipes.options.fine_tuning import FineTuningConfig
from zoo.errors import UserError


@dataclass(frozen=True)
class QuestionAnsweringConfig(FineTuningConfig):
    """Trains a model that finds answers in contexts, and saves it as a preset in its run directory.

    Data is files of your own (--train, --validation, --test): SQuAD's .json, version 1.1 or 2.0, or .jsonl with the
    fields question, context and answers. Where questions have no answer, the model may give none.
    """

    variant: Literal["own-data"] = "own-data"
    directory: Path = Path("runs/question-answering")
    dataset: None = None
    """There is no named data set of questions."""
    validation: Path | None = None
    """Validation file; the questions about a tenth of the training contexts are held out if there is none."""

    window: int = 384
    """Tokens the model sees at a time, those of the question included."""
    overlap: int = 128
    """Tokens of a longer context that neighbouring windows share."""
    max_answer_tokens: int = 30
    """Tokens of the longest answer that the model may give."""
    scoring: Literal["squad", "cmrc"] = "squad"
    """How answers are compared with the right ones: by the rules of SQuAD, by words, or of CMRC, for Chinese, by
    characters."""
    whole_words: bool = True
    """Whether answers begin and end where words do; better not for Chinese or Japanese."""

    def __post_init__(self):
        super().__post_init__()
        self.check_at_least(1, "max_answer_tokens")
        self.check_at_least(0, "overlap")
        if self.window < self.overlap + 5:
            raise UserError(f"--window must be at least 5 more than --overlap {self.overlap}, got {self.window}")
        if self.label_smoothing:
            raise UserError("--label-smoothing would spread probability over all tokens of a context; leave it out")


def own_data():
    """Starting point for files of your own: BERT's fine-tuning."""
    return QuestionAnsweringConfig()


VARIANTS = {"own-data": own_data}


def parse_command_line(argv):
    """The configuration that a command line asks for, a `QuestionAnsweringConfig`."""
    prog = "python -m recipes.question_answering"
    return parse_variants(QuestionAnsweringConfig, VARIANTS, "own-data", argv, prog)
