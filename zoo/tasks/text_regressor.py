"""Text regression: text in, numbers out."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.encoder_task import SPECIAL_TOKENS, EncoderTask
from zoo.tasks.registry import register_task
from zoo.tokenizers import Tokenizer


@dataclass(frozen=True)
class RegressionSettings:
    """How a `TextRegressor` reads text and what it gives.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        sigmoid: Whether the `score` of a single number is its logistic function, between 0 and 1, as of models that
            say how well a text fits; else it is the number itself.
        max_source_length: Tokens, special ones included; the rest of a longer text is cut off. The model's longest
            sequence if that is less.
    """

    sigmoid: bool = False
    max_source_length: int = 256

    def __post_init__(self):
        if not isinstance(self.sigmoid, bool):
            raise UserError(f"sigmoid must be true or false, got {self.sigmoid!r}")
        length = self.max_source_length
        if not isinstance(length, int) or isinstance(length, bool) or length <= SPECIAL_TOKENS:
            raise UserError(f"max_source_length must be an integer above {SPECIAL_TOKENS}, got {length!r}")


@register_task
class TextRegressor(EncoderTask):
    """Gives texts one number or several with a sequence classifier whose outputs are taken as they are.

    Args:
        model: A `zoo.models.SequenceClassifier` of C outputs.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id`.
        labels: Names of the C numbers in the order of the model's outputs.
        settings: `RegressionSettings`.
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if labels, tokenizer, settings and model do not fit each other.

    Example:
        >>> regressor = zoo.load("review-stars")
        >>> regressor("Never again.")
        {'value': 1.2, 'score': 1.2}
    """

    settings_class = RegressionSettings
    saved = ("labels",)
    description = "scoring"

    def __init__(self, model: Any, tokenizer: Tokenizer, labels: Any, settings: Any = None, examples: Any = ()):
        super().__init__(model, tokenizer, settings, examples)
        self.labels = tuple(labels)
        if len(self.labels) != model.num_labels:
            raise UserError(f"the model has {model.num_labels} outputs but there are {len(self.labels)} labels")
        if self.settings.sigmoid and len(self.labels) > 1:
            raise UserError(f"sigmoid is for models of one output; this one has {len(self.labels)}")

    @property
    def outputs(self) -> dict[str, Any]:
        """What each output is."""
        if len(self.labels) == 1:
            logistic = ", by the logistic function" if self.settings.sigmoid else ""
            return {"value": "the model's number", "score": f"the same{logistic}"}
        return {"values": "the model's numbers", "labels": "their names"}

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Numbers of one batch; see `Task.decode`.

        Returns:
            For a model of one output `value` float32 [B] and `score` float32 [B], see `RegressionSettings.sigmoid`; of
            several `values` float32 [B, C] and their names `labels` string [B, C], in the model's order.
        """
        (values,) = results
        if len(self.labels) == 1:
            value = values[:, 0]
            return {"value": value, "score": tf.sigmoid(value) if self.settings.sigmoid else tf.identity(value)}
        labels = tf.tile(tf.constant([self.labels]), [tf.shape(values)[0], 1])
        return {"labels": labels, "values": values}
