"""Labels of a request's own: how far a text entails a sentence about each, by a classifier of pairs."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from zoo.errors import UserError
from zoo.generation.control import Control
from zoo.tasks.controls import with_a_row
from zoo.tasks.required_texts import with_checks
from zoo.tasks.signature import Signature
from zoo.tasks.task import decoded
from zoo.tasks.text_control import SEPARATOR
from zoo.tokenizers.clean_text import clean_text

PLACEHOLDER = "{}"
"""Where the label stands in the sentence about it."""
_ENTAILMENT = "entail"


def entailment_of(labels: Iterable[str]) -> int | None:
    """The number of the label that begins with "entail", whatever the case; None if there is none."""
    return next((number for number, label in enumerate(labels) if label.lower().startswith(_ENTAILMENT)), None)


class ZeroShot:
    """Classes that a request names, as transformers' pipeline finds them.

    A text is the premise, a sentence about each label the hypothesis; the text loses its end if both are too long.
    Either one label is right, and the logits of entailment are compared with each other; or any number is, and each
    label's entailment is compared with its contradiction, as it is where there is one label alone.

    Args:
        classifier: `PairClassifier` with a label that `entailment_of` finds.

    Source: Yin et al. 2019, https://arxiv.org/abs/1909.00161.
    """

    def __init__(self, classifier: Any):
        self._classifier = classifier
        found = entailment_of(classifier.labels)
        assert found is not None, "the classifier has such a label"
        self._entailment = found
        # As the pipeline has it: not the label of that name.
        self._contradiction = len(classifier.labels) - 1 if found == 0 else 0
        self.controls = {"multi_label": Control("int32", 0, 0, 1, "1 if any number of labels is right, 0 if one is")}

    @property
    def signature(self) -> Signature:
        """What exports serve."""
        return Signature(
            self.batch,
            ("text", "labels"),
            {
                "labels": "the labels, the most probable first",
                "scores": "their probabilities, in that order",
                "count": "how many labels the row has",
            },
            controls=self.controls,
            ragged_outputs={"labels": "", "scores": 0.0},
            required=("labels",),
        )

    def batch(self, text: Any, labels: Any, multi_label: Any) -> dict[str, Any]:
        """Labels of one batch in order.

        Args:
            text: string [B].
            labels: string [B], in each row any number of labels with `SEPARATOR` between them.
            multi_label: int32 [B], 0 or 1.

        Returns:
            For at most N labels of a row `labels` string [B, N] and `scores` float32 [B, N], filled up with "" and 0,
            and `count` int32 [B], how many there are.
        """
        given = with_checks(("labels",), {"text": text, "labels": labels})
        given, controls, rows = with_a_row(self.controls, given, {"multi_label": multi_label})
        names = tf.strings.split(clean_text(given["labels"]), SEPARATOR)
        counts = tf.cast(names.row_lengths(), tf.int32)
        before, after = self._classifier.settings.hypothesis_template.split(PLACEHOLDER)
        hypotheses = tf.strings.join([before, names.flat_values, after])
        texts = tf.gather(given["text"], names.value_rowids())
        logits = self._classifier.batch_logits(texts, hypotheses, truncation="only_first")
        logits /= self._classifier.settings.temperature
        entailed, contradicted = (logits[:, place] for place in (self._entailment, self._contradiction))
        lowest = tf.float32.min
        one = tf.nn.softmax(names.with_flat_values(entailed).to_tensor(lowest))
        each = names.with_flat_values(tf.nn.softmax(tf.stack([contradicted, entailed], 1))[:, 1]).to_tensor()
        any_number = (controls["multi_label"] == 1) | (counts == 1)
        scores = tf.where(any_number[:, tf.newaxis], each, one)
        real = tf.sequence_mask(counts, tf.shape(scores)[1])
        order = tf.argsort(tf.where(real, scores, lowest), axis=1, direction="DESCENDING", stable=True)
        found = {
            "labels": tf.gather(names.to_tensor(""), order, batch_dims=1),
            "scores": tf.where(real, tf.gather(scores, order, batch_dims=1), 0.0),
            "count": counts,
        }
        return {name: value[:rows] for name, value in found.items()}

    def unpack(self, outputs: Any) -> list[dict[str, Any]]:
        """A dict of `labels` and `scores` for each row."""
        names, scores = decoded(outputs["labels"]), outputs["scores"].tolist()
        return [
            {"labels": row[:count], "scores": values[:count]}
            for row, values, count in zip(names, scores, outputs["count"].tolist(), strict=True)
        ]


def joined_labels(labels: Iterable[str]) -> str:
    """Labels as one string.

    Raises:
        UserError: if there are none, and for one that is no text, empty, or holds the separator.
    """
    labels = [labels] if isinstance(labels, str) else list(labels)
    if not labels:
        raise UserError("labels must be a list of one text at least")
    for label in labels:
        if not isinstance(label, str) or not label.strip() or SEPARATOR in label:
            raise UserError(f"labels must be texts without {SEPARATOR!r}, none of them empty, got {label!r}")
    return SEPARATOR.join(labels)
