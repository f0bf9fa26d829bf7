"""Translation: text in one language in, text in another out."""

from typing import NamedTuple

from zoo.tasks.registry import register_task
from zoo.tasks.search_settings import search_settings
from zoo.tasks.sequence_to_sequence import SequenceToSequenceTask
from zoo.tasks.sequence_to_sequence_settings import SequenceToSequenceSettings


@search_settings
class TranslationSettings(SequenceToSequenceSettings):
    """How a `Translator` decodes; the attributes are those of `SequenceToSequenceSettings`."""


class Translation(NamedTuple):
    """One translation and its score, the length-normalised log-probability: 0 at best, better when larger."""

    text: str
    score: float


@register_task
class Translator(SequenceToSequenceTask):
    """Translates text with an encoder-decoder model.

    Args:
        model: A `zoo.models.EncoderDecoder`.
        source_tokenizer: `zoo.tokenizers.Tokenizer` of the source language, with `eos_id` and `pad_id`.
        target_tokenizer: That of the target language; the source tokenizer, for a joint vocabulary, if None.
        settings: `TranslationSettings`.
        examples: Source texts to verify exports with, such as the first validation lines; saved in the preset.

    A text of nothing but blanks is translated to an empty text of score 0.

    Raises:
        UserError: if the tokenizers do not fit the model.

    Example:
        >>> translator = zoo.load("runs/translation")
        >>> translator(["A man rides a horse."])
        ['Ein Mann reitet auf einem Pferd.']
    """

    settings_class = TranslationSettings
    description = "translating"
    hypothesis = Translation
