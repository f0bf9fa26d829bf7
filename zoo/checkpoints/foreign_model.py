"""What every reader of another program's checkpoints returns, and the models they are put in."""

from dataclasses import dataclass, field
from pathlib import Path

import keras

from zoo.errors import UserError
from zoo.models import Encoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier

LANGUAGE_MODEL = "language_model"
"""The kind of every decoder."""
SEQUENCE_TO_SEQUENCE = "sequence_to_sequence"
"""The kind of every encoder-decoder."""
LANGUAGE_MODELS = ("masked_token_predictor", "pretraining")
CLASSIFIERS = ("token_classifier", "sequence_classifier")


@dataclass(frozen=True)
class ForeignModel:
    """A model read from a checkpoint of another program.

    Attributes:
        directory: Where it was read from.
        model: An `Encoder`, a model with a head, a decoder or an encoder-decoder, with its weights.
        kind: What it is: "encoder", "token_classifier", "sequence_classifier", "masked_token_predictor", "pretraining"
            (a `MaskedTokenPredictor` with next-sentence prediction), "sequence_to_sequence" (an encoder-decoder)
            or "language_model" (a decoder).
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


def make_model(family, kind, encoder_arguments, *, num_labels=None, head_dropout=0.1, dtype=None):
    """A built model of new weights, with the head that a family has.

    Args:
        family: A `Family` of `zoo.checkpoints.bert_families`.
        kind: One of its `KINDS`.
        encoder_arguments: Of `Encoder`.
        num_labels, head_dropout: Of a classifier.
        dtype: A Keras dtype policy; the global one if None.
    """
    encoder = Encoder(**encoder_arguments, dtype=dtype)
    if kind == "encoder":
        model = encoder
    elif kind in LANGUAGE_MODELS:
        model = MaskedTokenPredictor(
            encoder, next_sentence=kind == "pretraining", activation=family.token_head_activation
        )
    elif kind == "token_classifier":
        model = TokenClassifier(encoder, num_labels, head_dropout)
    else:
        # RoBERTa's head drops out before its hidden layer too.
        hidden_dropout = head_dropout if family.name == "roberta" else 0.0
        model = SequenceClassifier(
            encoder, num_labels, head_dropout, hidden_dropout=hidden_dropout, **family.sequence_head
        )
    model.build()
    return model
