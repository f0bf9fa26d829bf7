"""Tasks of KerasHub presets, and presets of tasks."""

import functools
import json
from pathlib import Path
from typing import Any

from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, SEQUENCE_TO_SEQUENCE
from zoo.checkpoints.keras_hub import (
    load_keras_hub,
    load_keras_hub_tokenizer,
    save_keras_hub,
    sequence_to_sequence_tokens,
)
from zoo.checkpoints.keras_hub.preset_files import PREPROCESSOR_FILE
from zoo.errors import UserError
from zoo.generation import Sampling
from zoo.tasks.entity_recognizer import EntityRecognizer
from zoo.tasks.foreign import SEQUENCE_TO_SEQUENCE_TASKS
from zoo.tasks.generation_settings import GenerationSettings
from zoo.tasks.masked_language_model import FillSettings, MaskedLanguageModel
from zoo.tasks.pair_task import PairTask
from zoo.tasks.summarizer import Summarizer
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier
from zoo.tasks.text_generator import TextGenerator
from zoo.tasks.translator import Translator


def task_from_keras_hub(directory, dtype=None, task=None):
    """The task that a KerasHub preset is for.

    A text classifier becomes a `TextClassifier`, a masked language model a `MaskedLanguageModel`, a GPT-2 a
    `TextGenerator`, and BART and T5 a `Summarizer` or a `Translator`. They read and begin texts as KerasHub's
    preprocessors do, cut to the lengths in the preset, and decode with this project's settings, a GPT-2 greedily:
    KerasHub stores none.

    Args:
        directory: A preset directory of KerasHub.
        dtype: A Keras dtype policy for the model; the global one if None.
        task: "translation" or "summarization" for a BART or T5; the latter if None.

    Raises:
        UserError: for a preset that cannot be read or has no answers to give, naming what is wrong.
    """
    found = load_keras_hub(directory, dtype=dtype)
    if task is not None and (found.kind != SEQUENCE_TO_SEQUENCE or task not in SEQUENCE_TO_SEQUENCE_TASKS):
        raise UserError(f"{directory} holds a model of kind {found.kind!r}, which cannot be made for {task}")
    if found.kind == "encoder":
        raise UserError(
            f"{directory} holds a bare encoder, which has no answers to give: fine-tune it, for example with "
            f"python -m recipes.ner --pretrained {directory}"
        )
    model, tokenizer = found.model, load_keras_hub_tokenizer(directory)
    reading = _preprocessor(directory)
    if found.kind == LANGUAGE_MODEL:
        new = min(GenerationSettings().max_new_tokens, model.max_sequence_length // 2)
        begin = reading.get("add_start_token", False)
        settings = GenerationSettings(Sampling(temperature=0.0), max_new_tokens=new, begin_token=begin)
        return TextGenerator(model, tokenizer, settings)
    longest = {"max_source_length": reading["sequence_length"]} if "sequence_length" in reading else {}
    if found.kind == "sequence_classifier":
        return TextClassifier(model, tokenizer, found.labels, ClassificationSettings(**longest))
    if found.kind == "masked_token_predictor":
        if tokenizer.mask_id is None:
            raise UserError(f"{directory}: the tokenizer has no mask token, which filling blanks needs")
        tokenizer = tokenizer.reading_from_text(tokenizer.id_to_token([tokenizer.mask_id]))
        return MaskedLanguageModel(model, tokenizer, FillSettings(**longest))
    return _sequence_to_sequence_task(found, tokenizer, reading, SEQUENCE_TO_SEQUENCE_TASKS[task or "summarization"])


def _sequence_to_sequence_task(found, tokenizer, reading, cls):
    longest = found.model.max_sequence_length
    settings = cls.settings_class(
        **sequence_to_sequence_tokens(found.directory, tokenizer),
        suppressed_token_ids=tuple(range(tokenizer.vocabulary_size, found.model.target_vocabulary_size)),
        max_source_length=min(reading.get("encoder_sequence_length", longest), longest),
        max_new_tokens=min(reading.get("decoder_sequence_length", cls.settings_class().max_new_tokens), longest),
        # So that only max_new_tokens counts.
        max_tokens_offset=longest,
    )
    return cls(found.model, tokenizer, tokenizer, settings)


def _preprocessor(directory):
    """Arguments of the preset's preprocessor by name; nothing where it has none."""
    path = Path(directory) / PREPROCESSOR_FILE
    if not path.exists():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["config"]
        return {name: value for name, value in config.items() if value is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); copy the preset again") from error


def save_keras_hub_task(task, directory, approximate_gelu=False):
    """Writes a task as a preset of KerasHub; see `zoo.checkpoints.keras_hub.save_keras_hub`.

    Args:
        task: An `EntityRecognizer` (its encoder alone), a `TextClassifier`, a `MaskedLanguageModel`, a `TextGenerator`,
            or a `Translator` or `Summarizer` over a BART or T5.
        directory: Where to write: a folder that is not there yet, or an empty one.
        approximate_gelu: As of `save_keras_hub`.

    Returns:
        list of str: how far outputs differ, and what KerasHub has no place for.

    Raises:
        UserError: as of `save_keras_hub`, and for other tasks.
    """
    options, lost = _as_preset(task)
    found = save_keras_hub(task.model, task.tokenizer, directory, **options, approximate_gelu=approximate_gelu)
    return [*found, *lost]


@functools.singledispatch
def _as_preset(task: Any) -> tuple[dict[str, Any], list[str]]:
    """Arguments of `save_keras_hub` that follow from a task, and what of it is lost."""
    raise UserError("KerasHub has no such task")


@_as_preset.register
def _(task: PairTask) -> tuple[dict[str, Any], list[str]]:
    raise UserError("KerasHub's presets do not say that texts come in pairs")


@_as_preset.register
def _(task: EntityRecognizer) -> tuple[dict[str, Any], list[str]]:
    return {}, []


@_as_preset.register
def _(task: TextGenerator) -> tuple[dict[str, Any], list[str]]:
    return {"preprocessor": {"add_start_token": task.settings.begin_token}}, ["without its settings of drawing tokens"]


@_as_preset.register(Translator)
@_as_preset.register(Summarizer)
def _(task: Any) -> tuple[dict[str, Any], list[str]]:
    settings = task.settings
    if task.target_tokenizer is not task.tokenizer:
        raise UserError("KerasHub's models have one tokenizer, not one of the source and one of the target")
    lengths = {
        "encoder_sequence_length": settings.max_source_length,
        "decoder_sequence_length": settings.max_new_tokens,
    }
    lost = ["without its settings of decoding"]
    if settings.source_prefix:
        lost.append(f"whose texts you begin with {settings.source_prefix!r} yourself")
    return {"preprocessor": lengths}, lost


@_as_preset.register
def _(task: TextClassifier) -> tuple[dict[str, Any], list[str]]:
    lost = []
    if task.settings.temperature != 1.0:
        lost.append(f"without its temperature {task.settings.temperature:g}")
    if task.settings.multi_label:
        lost.append("whose logits are of several labels a text, each for a sigmoid")
    return {**_with_length(task), "labels": task.labels}, lost


@_as_preset.register
def _(task: MaskedLanguageModel) -> tuple[dict[str, Any], list[str]]:
    return _with_length(task), []


def _with_length(task):
    return {"preprocessor": {"sequence_length": task.settings.max_source_length}}
