"""A summarizer over an encoder-decoder to train, from scratch or from a pretrained one."""

from recipes.summarization.summarizer_parts import SummarizerParts, final_settings
from recipes.text_to_text.encoded_texts import pair_encoders
from recipes.text_to_text.sequence_to_sequence import check_positions, make_batches, make_model, make_tokenizers
from zoo.errors import UserError
from zoo.tasks import DecoderSummarizer, SummarizationSettings, Summarizer, load


def encoder_decoder_parts(config, train_pairs, resumed):
    """The `SummarizerParts` of an encoder-decoder.

    Args:
        config: A `SummarizationConfig`.
        train_pairs: Re-iterable of (text, summary), from which a vocabulary is trained where nothing is pretrained.
        resumed: Whether a run goes on; its tokenizers are then read again.

    Raises:
        UserError: for a pretrained model that is none of this kind, or too short for the lengths asked for.
    """
    if config.pretrained is None:
        tokenizers = make_tokenizers(config, train_pairs, resumed)
        model, settings = make_model(config, *tokenizers, config.precision), SummarizationSettings()
    else:
        model, tokenizers, settings = _pretrained(config)
    settings = final_settings(config, settings)
    encode = pair_encoders(tokenizers, settings, longest=config.max_source_length)

    def batches(pairs, training):
        return make_batches(config, pairs, tokenizers, settings, training, encode=encode)

    def make_task(model, examples=()):
        return Summarizer(model, *tokenizers, settings, examples)

    return SummarizerParts("encoder-decoder", model, tokenizers, encode, batches, make_task)


def _pretrained(config):
    """The model of `--pretrained` with its tokenizers and settings."""
    task = load(config.pretrained, dtype=config.precision)
    if isinstance(task, DecoderSummarizer):
        raise UserError(f"{config.pretrained} holds a summarizer over a decoder; add --architecture decoder")
    if not isinstance(task, Summarizer):
        raise UserError(f"{config.pretrained} holds a {type(task).__name__}, not a Summarizer")
    check_positions(
        config, task.model, max_source_length=config.max_source_length, max_target_length=config.max_target_length
    )
    return task.model, (task.source_tokenizer, task.target_tokenizer), task.settings
