"""What a summarizer of either architecture gives to the summarization recipe, and how its preset decodes."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import keras

from recipes.text_to_text.encoded_texts import EncodedTexts


class SummarizerParts(NamedTuple):
    """A summarizer that is to be trained.

    Attributes:
        architecture: What it is, in a word or two.
        model: The model to train.
        tokenizers: That of the texts and that of the summaries, which may be one.
        encode: From lists of texts and of summaries to token arrays, as the task reads and writes them.
        make_batches: From pairs of texts and `training` to batches.
        make_task: From a model and examples to the `zoo.tasks.Summarizer` over it.
    """

    architecture: str
    model: keras.Model
    tokenizers: tuple
    encode: tuple[EncodedTexts, EncodedTexts]
    make_batches: Callable
    make_task: Callable


def final_settings(config, settings):
    """How the preset decodes: as `settings`, but for what the configuration says."""
    return replace(
        settings,
        num_beams=config.num_beams,
        length_penalty=config.length_penalty,
        length_penalty_type="average",
        max_new_tokens=config.max_target_length,
        min_new_tokens=config.min_new_tokens,
        no_repeat_ngram_size=config.no_repeat_ngram_size,
        max_source_length=config.max_source_length,
    )
