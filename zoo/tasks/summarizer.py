"""Summarisation: a text in, a shorter one out."""

from typing import ClassVar, NamedTuple

from zoo.tasks.registry import register_task
from zoo.tasks.search_settings import search_settings
from zoo.tasks.sequence_to_sequence import SequenceToSequenceTask
from zoo.tasks.sequence_to_sequence_settings import SequenceToSequenceSettings


@search_settings
class SummarizationSettings(SequenceToSequenceSettings):
    """How a `Summarizer` decodes; the attributes are those of `SequenceToSequenceSettings` with other defaults."""

    max_new_tokens: int = 128
    no_repeat_ngram_size: int = 3
    max_source_length: int = 1024


class Summary(NamedTuple):
    """One summary.

    Attributes:
        text: The summary.
        score: Its length-normalised log-probability: 0 at best, better when larger.
        truncated: Whether the text was longer than `max_source_length`, so that its end was not read.
    """

    text: str
    score: float
    truncated: bool


@register_task
class Summarizer(SequenceToSequenceTask):
    """Summarises text with an encoder-decoder model.

    Args:
        model: A `zoo.models.EncoderDecoder`.
        source_tokenizer: `zoo.tokenizers.Tokenizer` with `eos_id` and `pad_id`.
        target_tokenizer: That of the summaries; the source tokenizer if None.
        settings: `SummarizationSettings`.
        examples: Texts to verify exports with; saved in the preset.

    Of a text longer than `max_source_length` tokens only the beginning is read. `predict_batch`, and so a served model,
    says so in the output `truncated`, and `n_best` in each `Summary`.

    Raises:
        UserError: if the tokenizers do not fit the model.

    Example:
        >>> summarizer = zoo.load("bart-large-cnn")
        >>> summarizer(article)
        'Liana Barrientos, 39, is charged with ...'
        >>> summarizer.n_best(article, 1)[0].truncated
        False
    """

    settings_class = SummarizationSettings
    description = "summarising"
    hypothesis = Summary
    outputs: ClassVar[dict] = {
        "text": "the summary",
        "score": "its log-probability, normalised by its length",
        "truncated": "whether the end of the text was not read",
    }
