"""Classification of pairs: two texts in, labels with probabilities out."""

from dataclasses import dataclass
from typing import Any

from zoo.errors import UserError
from zoo.tasks.pair_settings import CutPairSettings
from zoo.tasks.pair_task import PairTask
from zoo.tasks.registry import register_task
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier
from zoo.tasks.zero_shot import PLACEHOLDER, ZeroShot, entailment_of, joined_labels


@dataclass(frozen=True)
class PairClassificationSettings(CutPairSettings, ClassificationSettings):
    """How a `PairClassifier` reads pairs and turns logits into probabilities: `ClassificationSettings` and
    `CutPairSettings`, whose `max_source_length` counts the tokens of both texts and the special ones.

    Attributes:
        hypothesis_template: The sentence about a label of `zero_shot`, with {} where the label stands.
    """

    hypothesis_template: str = "This example is {}."

    def __post_init__(self):
        template = self.hypothesis_template
        if not isinstance(template, str) or template.count(PLACEHOLDER) != 1:
            raise UserError(f"hypothesis_template must be a text with one {PLACEHOLDER}, got {template!r}")
        CutPairSettings.__post_init__(self)
        ClassificationSettings.__post_init__(self)


@register_task
class PairClassifier(PairTask, TextClassifier):
    """Labels pairs of texts, such as a premise and a hypothesis, or two questions that may ask the same.

    Args:
        model: A `zoo.models.SequenceClassifier` of C labels.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id`.
        labels: The C labels in the order of the model's outputs.
        settings: `PairClassificationSettings`.
        examples: Pairs to verify exports with, a dict of "text" and "text_pair" each; saved in the preset.

    Raises:
        UserError: if labels, tokenizer and model do not fit each other.

    Example:
        >>> classifier = zoo.load("nli-model", task="pair_classification")
        >>> sorted(classifier("A man rides a horse.", "Somebody is outdoors."))
        ['label', 'labels', 'score', 'scores']
    """

    settings_class = PairClassificationSettings

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if entailment_of(self.labels) is not None:
            self.further_signatures = {"zero_shot": ZeroShot(self).signature}

    def zero_shot(self, texts: Any, labels: Any, *, multi_label: bool = False, **options: Any) -> Any:
        """Which of any labels fit texts, by how far a text entails the sentence `hypothesis_template` about each.

        Args:
            texts: A str, or a list of str or bytes.
            labels: list of str, for all texts.
            multi_label: Whether any number of them may fit, each with a probability of its own; else those of a text
                add up to 1.
            options: `batch_size` and `progress` as of a call.

        Returns:
            A dict of `labels`, the most probable first, and their `scores`; a list of them for a list of texts.

        Raises:
            UserError: for a classifier without a label that begins with "entail", and labels that are none.

        Example:
            >>> classifier = zoo.load("nli-model")
            >>> found = classifier.zero_shot("My card is gone.", ["travel", "banking", "food"])
        """
        if entailment_of(self.labels) is None:
            raise UserError(f'zero_shot needs a label that begins with "entail"; there are {", ".join(self.labels)}')
        if not isinstance(multi_label, bool):
            raise UserError(f"multi_label must be true or false, got {multi_label!r}")
        zero_shot, joined = ZeroShot(self), joined_labels(labels)
        if not isinstance(texts, (str, bytes)):
            texts = list(texts)
            joined = [joined] * len(texts)
        return self.answer(
            ("zero_shot", repr(self.settings)),
            zero_shot.signature,
            [texts, joined],
            {"multi_label": int(multi_label)},
            unpack=zero_shot.unpack,
            **options,
        )
