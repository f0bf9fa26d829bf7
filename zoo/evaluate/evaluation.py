"""What the evaluation of a model finds."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a file.

    Attributes:
        scores: As they are written in JSON, by name.
        shown: What to print, lines of text and `rich.table.Table`s.
        answers: What the model wrote about each text, if it writes.
    """

    scores: dict
    shown: list
    answers: list[str] = field(default_factory=list)
