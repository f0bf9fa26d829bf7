"""Text classification: text in, labels with probabilities out."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.generation.control import Control
from zoo.tasks.encoder_task import SPECIAL_TOKENS, EncoderTask
from zoo.tasks.registry import register_task
from zoo.tasks.signature import Signature
from zoo.tasks.task import decoded
from zoo.tokenizers import Tokenizer


@dataclass(frozen=True)
class ClassificationSettings:
    """How a `TextClassifier` reads text and turns logits into probabilities.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        multi_label: Whether a text can have any number of labels, each with a probability of its own; else it has
            exactly one, and the probabilities of all labels add up to 1.
        threshold: For `multi_label`, the probability from which a text has a label.
        temperature: By which logits are divided; above 1 for less confident probabilities. Calibration sets it
            (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
        max_source_length: Tokens, special ones included; the rest of a longer text is cut off. The model's longest
            sequence if that is less.
    """

    multi_label: bool = False
    threshold: float = 0.5
    temperature: float = 1.0
    max_source_length: int = 256

    def __post_init__(self):
        if not 0.0 <= self.threshold <= 1.0:
            raise UserError(f"threshold must be between 0 and 1, got {self.threshold!r}")
        if not (self.temperature > 0.0 and math.isfinite(self.temperature)):
            raise UserError(f"temperature must be above 0, got {self.temperature!r}")
        if not isinstance(self.max_source_length, int) or self.max_source_length <= SPECIAL_TOKENS:
            raise UserError(
                f"max_source_length must be an integer above {SPECIAL_TOKENS}, got {self.max_source_length!r}"
            )


_OUTPUTS = {"labels": "all labels, the most probable first", "scores": "their probabilities"}


@register_task
class TextClassifier(EncoderTask):
    """Labels texts with a sequence classifier.

    Args:
        model: A `zoo.models.SequenceClassifier` of C labels.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id`.
        labels: The C labels in the order of the model's outputs.
        settings: `ClassificationSettings`.
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if labels, tokenizer and model do not fit each other.

    Example:
        >>> classifier = zoo.load("runs/banking77")
        >>> classifier("Where is my new card?")
        {'label': 'card_arrival', 'score': 0.97, 'labels': ['card_arrival', ...], 'scores': [0.97, ...]}
    """

    settings_class = ClassificationSettings
    saved = ("labels",)
    description = "classifying"
    controls_signature = "classify"

    def __init__(self, model: Any, tokenizer: Tokenizer, labels: Any, settings: Any = None, examples: Any = ()):
        super().__init__(model, tokenizer, settings, examples)
        self.labels = tuple(labels)
        if len(self.labels) != model.num_labels:
            raise UserError(f"the model has {model.num_labels} outputs but there are {len(self.labels)} labels")
        if len(set(self.labels)) != len(self.labels):
            twice = next(label for label in self.labels if self.labels.count(label) > 1)
            raise UserError(f"the label {twice!r} comes twice; each label needs an output of its own")
        if self.settings.multi_label:
            self.controls = {
                "threshold": Control(
                    "float32", self.settings.threshold, 0.0, 1.0, "probability from which a text has a label"
                )
            }

    @property
    def outputs(self) -> dict[str, Any]:
        """What each output is."""
        if self.settings.multi_label:
            return {**_OUTPUTS, "count": "how many of them the text has, the first ones"}
        return {"label": "the most probable label", "score": "its probability", **_OUTPUTS}

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Labels of one batch; see `Task.decode`.

        Returns:
            `labels` string [B, C], all of them, the most probable first, and their probabilities `scores` float32
            [B, C]. For a single label also `label` string [B] and `score` float32 [B], the first of them; for
            multi-label `count` int32 [B]: the text has the first `count` labels.
        """
        logits = results[0] / self.settings.temperature
        probabilities = tf.sigmoid(logits) if self.settings.multi_label else tf.nn.softmax(logits)
        scores, order = tf.math.top_k(probabilities, k=len(self.labels))
        labels = tf.gather(tf.constant(self.labels), order)
        if self.settings.multi_label:
            count = tf.reduce_sum(tf.cast(scores >= kept["threshold"][:, tf.newaxis], tf.int32), axis=1)
            return {"labels": labels, "scores": scores, "count": count}
        return {"label": labels[:, 0], "score": scores[:, 0], "labels": labels, "scores": scores}

    def batch_logits(self, *texts: Any, **options: Any) -> Any:
        """float32 [B, C]: the model's logits of a string tensor [B] for each input, in the order of `labels`.

        Args:
            texts: The string tensors.
            options: Python values for `encode`.
        """
        return self.run(self.compute, self.encode(*texts, **options))[0]

    def logits(self, *texts: Any, batch_size: int | None = 32, progress: bool = False) -> np.ndarray:
        """The model's logits of texts, before temperature, such as `zoo.metrics.fit_temperature` needs.

        Args:
            texts: For every input a list of str or bytes.
            batch_size, progress: As in a call.

        Returns:
            float32 array [N, C], in the order of `texts` and of `labels`.

        Raises:
            UserError: if an input is not str or bytes.
        """
        signature = Signature(
            lambda **given: {"logits": self.batch_logits(*(given[name] for name in self.inputs))}, self.inputs
        )
        rows = self.answer(
            "logits",
            signature,
            [[each] if isinstance(each, (str, bytes)) else each for each in texts],
            unpack=lambda outputs: list(outputs["logits"]),
            batch_size=batch_size,
            progress=progress,
        )
        return np.stack(rows) if rows else np.zeros((0, len(self.labels)), np.float32)

    def unpack(self, outputs: Any) -> Any:
        """A dict for each text: `label` and `score` of the best and `labels` and `scores` of all.

        For multi-label, `labels` and `scores` of those that the text has, and `all_labels` and `all_scores`.
        """
        labels, scores = decoded(outputs["labels"]), outputs["scores"].tolist()
        if self.settings.multi_label:
            return [
                {"labels": all_[:count], "scores": row[:count], "all_labels": all_, "all_scores": row}
                for all_, row, count in zip(labels, scores, outputs["count"].tolist(), strict=True)
            ]
        return [
            {"label": all_[0], "score": row[0], "labels": all_, "scores": row}
            for all_, row in zip(labels, scores, strict=True)
        ]
