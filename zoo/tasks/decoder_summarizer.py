"""Summarisation by a decoder alone, such as GPT-2: it reads the text and a separator, and goes on with the summary."""

from dataclasses import replace
from typing import Any, Self

from zoo.errors import UserError
from zoo.tasks.registry import register_task
from zoo.tasks.search_settings import search_settings
from zoo.tasks.summarizer import SummarizationSettings, Summarizer
from zoo.tokenizers import Tokenizer

SUMMARY_TOKEN = "<|summary|>"
"""The separator of vocabularies that are made for summaries: a token of its own."""


@search_settings
class DecoderSummarizationSettings(SummarizationSettings):
    r"""How a `DecoderSummarizer` reads and decodes; see `SequenceToSequenceSettings`.

    `max_source_length` counts the separator, and n-grams of the text may occur in a summary, whatever
    `no_repeat_ngram_size` says of the summary itself.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        separator: What stands between a text and its summary: a special token of the tokenizer, written as "<...>", or
            text such as "\nTL;DR:".
    """

    separator: str = SUMMARY_TOKEN

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.separator, str) or not self.separator:
            raise UserError(f"separator must be a special token or a text, got {self.separator!r}")
        for name in ("start_token_id", "source_suffix_ids"):
            if getattr(self, name) is not None:
                raise UserError(f"{name} is for encoder-decoders; a decoder has its separator in that place")


@register_task
class DecoderSummarizer(Summarizer):
    r"""Summarises text with a decoder alone.

    The model reads `text separator` and writes `summary end`, as it has learnt from rows `text separator summary end`
    (`zoo.data.JoinedPairBatches`). Of a text longer than `max_source_length` tokens, those of the separator included,
    only the beginning is read. Calls, outputs and served signatures are those of every `Summarizer`.

    Args:
        model: A `zoo.models.GPT2`.
        tokenizer: `zoo.tokenizers.BytePairTokenizer` with an end token.
        settings: `DecoderSummarizationSettings`. `max_source_length` is cut to the positions that the model has beside
            those of `max_new_tokens`.
        examples: Texts to verify exports with; saved in the preset.

    Attributes:
        separator_ids: Token ids of the separator.

    Raises:
        UserError: if the tokenizer does not fit the model, has no such separator, or the model has too few positions.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 3.6, where a GPT-2
        without any training for it summarises what stands before "TL;DR:".

    Example:
        >>> generator = zoo.load("gpt2")
        >>> settings = DecoderSummarizationSettings(separator="\nTL;DR:")
        >>> DecoderSummarizer(generator.model, generator.tokenizer, settings)(article)
        ' The company said ...'
    """

    settings_class = DecoderSummarizationSettings

    def __init__(self, model: Any, tokenizer: Tokenizer, settings: Any = None, examples: Any = ()):
        settings = settings or DecoderSummarizationSettings()
        self.separator_ids = _separator_ids(tokenizer, settings.separator)
        # A model may have more numbers than the tokenizer has tokens.
        nameless = range(tokenizer.vocabulary_size, model.vocabulary_size)
        suppressed = tuple(sorted({*settings.suppressed_token_ids, *nameless}))
        settings = replace(settings, suppressed_token_ids=suppressed)
        super().__init__(model, tokenizer, settings=settings, examples=examples)

    @property
    def _source_specials(self):
        # The separator's last token is what the first step reads.
        return self.settings.source_prefix_ids, self.separator_ids[:-1]

    @property
    def _start_token_id(self):
        return self.separator_ids[-1]

    @property
    def _text_room(self):
        return self.max_source_length - self._num_specials(self.settings)

    @property
    def _vocabulary_sizes(self):
        return self.model.vocabulary_size, self.model.vocabulary_size

    def _num_specials(self, settings):
        return len(settings.source_prefix_ids) + len(self.separator_ids)

    def _within_positions(self, settings):
        positions, specials = self.model.max_sequence_length, self._num_specials(settings)
        if settings.max_source_length <= specials:
            raise UserError(
                f"max_source_length ({settings.max_source_length}) must exceed its {specials} special tokens"
            )
        new = settings.max_new_tokens
        if positions - new <= specials:
            raise UserError(
                f"the model has {positions} positions, which is too few for max_new_tokens ({new}), {specials} special "
                "tokens and a text"
            )
        return replace(settings, max_source_length=min(settings.max_source_length, positions - new))

    def _begin(self, source_token_ids, source_padding_mask, room, num_beams):
        return self.model.after_prompts(source_token_ids, source_padding_mask, room, num_beams)

    def _of_settings(self, settings):
        return type(self)(self.model, self.source_tokenizer, settings, self.examples)

    @classmethod
    def from_preset(cls, preset: Any, load_tokenizer: Any, examples: Any) -> Self:
        """The task of a `zoo.checkpoints.Preset`; used by `zoo.load`."""
        tokenizer = load_tokenizer(preset.directory / "source_tokenizer")
        return cls(preset.model, tokenizer, cls.settings_class(**preset.task_config["settings"]), examples)


def is_token(separator):
    """Whether a separator is written as one token, "<...>", and so must be one of the vocabulary's special tokens."""
    return separator.startswith("<") and separator.endswith(">")


def _separator_ids(tokenizer, separator):
    """Token ids of a separator, a tuple with at least one."""
    special = tokenizer.special_tokens
    if separator in special:
        return (special[separator],)
    if is_token(separator):
        known = ", ".join(special) or "none"
        raise UserError(
            f"separator {separator!r} is no special token of the tokenizer, which has {known}; name one of those, or a "
            "text such as '\\nTL;DR:'"
        )
    return tuple(tokenizer.encode([separator]).flat_values.numpy().tolist())
