"""Classification of pairs: two texts in, labels with probabilities out."""

from dataclasses import dataclass

from zoo.tasks.pair_settings import CutPairSettings
from zoo.tasks.pair_task import PairTask
from zoo.tasks.registry import register_task
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier


@dataclass(frozen=True)
class PairClassificationSettings(CutPairSettings, ClassificationSettings):
    """How a `PairClassifier` reads pairs and turns logits into probabilities: `ClassificationSettings` and
    `CutPairSettings`, whose `max_source_length` counts the tokens of both texts and the special ones.
    """

    def __post_init__(self):
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
