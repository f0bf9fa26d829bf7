"""A summarizer over a decoder (GPT-2) to train, from scratch or from a pretrained one."""

from dataclasses import replace

import keras

from recipes.summarization.summarizer_parts import SummarizerParts, final_settings
from recipes.text_to_text.encoded_texts import pair_encoders
from recipes.text_to_text.sequence_to_sequence import TOKENIZERS
from recipes.vocabularies.kept_tokenizers import kept_tokenizer
from recipes.vocabularies.trained_size import MOST_TOKENS
from zoo.data import JoinedPairBatches
from zoo.errors import UserError
from zoo.models import GPT2, EncoderDecoder
from zoo.tasks import DecoderSummarizationSettings, DecoderSummarizer, TextGenerator, load
from zoo.tasks.decoder_summarizer import SUMMARY_TOKEN, is_token
from zoo.tokenizers import BytePairTokenizer

END_TOKEN = "<|endoftext|>"
TEXT_SEPARATOR = "\nTL;DR:"
"""The separator of pretrained vocabularies without a token for it; what GPT-2 has seen before summaries."""


def decoder_parts(config, train_pairs, resumed):
    """The `SummarizerParts` of a decoder.

    Args:
        config: A `SummarizationConfig`.
        train_pairs: Re-iterable of (text, summary), from which a vocabulary is trained where nothing is pretrained.
        resumed: Whether a run goes on; its tokenizer is then read again.

    Raises:
        UserError: for a pretrained model that is none of this kind, or too short for the lengths asked for, and for a
            separator that its tokenizer does not have.
    """
    separator = None if config.separator is None else config.separator.replace("\\n", "\n")
    if config.pretrained is None:
        tokenizer = _make_tokenizer(config, train_pairs, separator or SUMMARY_TOKEN, resumed)
        model = _make_model(config, tokenizer)
        settings = DecoderSummarizationSettings(separator=separator or SUMMARY_TOKEN)
    else:
        model, tokenizer, settings = _pretrained(config, separator)
    settings = final_settings(config, settings)

    def make_task(model, examples=()):
        return DecoderSummarizer(model, tokenizer, settings, examples)

    separator_ids = make_task(model).separator_ids
    encode = pair_encoders(
        (tokenizer, tokenizer), settings, longest=config.max_source_length, ending=len(separator_ids)
    )
    compiled = config.jit_compile or keras.config.backend() == "jax"

    eos_id, pad_id = tokenizer.eos_id, tokenizer.pad_id
    assert eos_id is not None and pad_id is not None, "the task has seen to it"

    def batches(pairs, training):
        return JoinedPairBatches(
            pairs,
            *encode,
            separator_ids=separator_ids,
            eos_id=eos_id,
            pad_id=pad_id,
            batch_size_tokens=config.batch_size_tokens,
            max_source_length=config.max_source_length,
            max_target_length=config.max_target_length,
            max_length_ratio=config.max_length_ratio if training else None,
            seed=config.seed,
            shuffle=training,
            fixed_rows=compiled,
            length_multiple=8 if compiled else 4,
        )

    return SummarizerParts("decoder", model, (tokenizer, tokenizer), encode, batches, make_task)


def _make_tokenizer(config, train_pairs, separator, resumed):
    """Byte pairs of texts and summaries, with a token for a separator that is written as one."""
    if kept := kept_tokenizer(config, TOKENIZERS[0], resumed):
        return kept
    special = dict.fromkeys((END_TOKEN, separator)) if is_token(separator) else (END_TOKEN,)
    size = config.vocabulary_size
    return BytePairTokenizer.train(
        (text for pair in train_pairs for text in pair), size or MOST_TOKENS, special, lower_to_fit=size is None
    )


def _make_model(config, tokenizer):
    """The untrained model, of the width that the size has in encoder-decoders."""
    size = EncoderDecoder.sizes[config.size]
    dropout = size["dropout"] if config.dropout is None else config.dropout
    model = GPT2(
        tokenizer.vocabulary_size,
        **{name: size[name] for name in ("hidden_dim", "intermediate_dim", "num_heads")},
        num_layers=config.num_layers or size["num_decoder_layers"],
        dropout=dropout,
        attention_dropout=dropout,
        max_sequence_length=sum(config.max_lengths),
        dtype=config.precision,
    )
    model.build()
    return model


def _pretrained(config, separator):
    """The model of `--pretrained` with its tokenizer and settings."""
    task = load(config.pretrained, dtype=config.precision)
    if not isinstance(task, (DecoderSummarizer, TextGenerator)):
        raise UserError(f"{config.pretrained} holds a {type(task).__name__}, which is no decoder (GPT-2)")
    positions = task.model.max_sequence_length
    if sum(config.max_lengths) > positions:
        raise UserError(
            f"--max-source-length {config.max_source_length} and --max-target-length {config.max_target_length} "
            f"together are more than the {positions} positions of {config.pretrained}"
        )
    if isinstance(task, DecoderSummarizer):
        settings = task.settings if separator is None else replace(task.settings, separator=separator)
    else:
        if separator is None:
            separator = SUMMARY_TOKEN if SUMMARY_TOKEN in task.tokenizer.special_tokens else TEXT_SEPARATOR
        # What stood before every text that the model has learnt from.
        prefix = (task.tokenizer.eos_id,) if task.settings.begin_token else ()
        settings = DecoderSummarizationSettings(separator=separator, source_prefix_ids=prefix)
    return task.model, task.tokenizer, settings
