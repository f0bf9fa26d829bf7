"""What every reader of another program's checkpoints returns."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import keras

from zoo.errors import UserError

LANGUAGE_MODEL: Final = "language_model"
"""The kind of every decoder."""
SEQUENCE_TO_SEQUENCE: Final = "sequence_to_sequence"
"""The kind of every encoder-decoder."""


@dataclass(frozen=True)
class ForeignModel:
    """A model read from a checkpoint of another program.

    Attributes:
        directory: Where it was read from.
        model: An `Encoder`, a model with a head, a decoder or an encoder-decoder, with its weights.
        kind: What it is: "encoder", "token_classifier", "sequence_classifier", "span_predictor" (of answers to
            questions), "masked_token_predictor", "pretraining" (a `MaskedTokenPredictor` with next-sentence
            prediction), "sequence_to_sequence" (an encoder-decoder) or "language_model" (a decoder).
        labels: Names of a classifier's classes in the order of its logits; None for other kinds.
        problem_type: "single_label_classification", "multi_label_classification", "regression" or None (not said).
        family: Of a registered architecture: its `model_type`.
        task: Of a "sequence_to_sequence" model: what its family is mostly for, "translation" or "summarization".
        generation: Of a "sequence_to_sequence" model: how the checkpoint wants it decoded, settings by name as
            `zoo.tasks.SequenceToSequenceSettings` takes them.
        end_token_ids: Of a "sequence_to_sequence" model: the tokens that its files let end an answer.
    """

    directory: Path
    model: keras.Model
    kind: str
    labels: tuple[str, ...] | None = None
    problem_type: str | None = None
    family: str | None = None
    task: str | None = None
    generation: dict = field(default_factory=dict)
    end_token_ids: tuple = ()


def check_kind(kind, held, directory):
    """Refuses to make another kind of model than a directory holds.

    Args:
        kind: What is asked for; None for whatever there is.
        held: The kind that there is.
        directory: What messages name.

    Raises:
        UserError: naming both.
    """
    if kind not in (held, None):
        raise UserError(f"{directory} holds a model of kind {held!r}, which is no {kind!r}")
