"""Loading any stored model as the task it was saved as."""

import json
from pathlib import Path
from typing import Any

from zoo.checkpoints.gguf_files import is_gguf
from zoo.checkpoints.hugging_face import DirectoryFiles, is_hugging_face
from zoo.checkpoints.hugging_face.sentence_transformers import MODULES_FILE
from zoo.checkpoints.keras_hub import is_keras_hub
from zoo.checkpoints.preset import CONFIG_FILE, load_preset
from zoo.errors import UserError
from zoo.tasks.examples import load_examples
from zoo.tasks.foreign import task_from_hugging_face
from zoo.tasks.foreign_pairs import inputs_of
from zoo.tasks.gguf import task_from_gguf
from zoo.tasks.keras_hub import task_from_keras_hub
from zoo.tasks.registry import task_class
from zoo.tasks.task import Task
from zoo.tokenizers import load as load_tokenizer


def load(directory: str | Path, dtype: Any = None, *, task: Any = None, special_tokens_in_text: bool = False) -> Any:
    """The task stored in a directory.

    Args:
        directory: A preset directory, as `task.save` and the recipes write it, a Hugging Face directory, one of
            sentence-transformers, a KerasHub preset or a GGUF file.
        dtype: A Keras dtype policy for the model, such as "mixed_bfloat16"; the saved one if None.
        task: What the model of a Hugging Face directory is for, where its files do not say: "pair_classification" or
            "pair_scoring" for a classifier of two texts, "text_classification" for one that is for a single text in
            spite of its labels, "translation" for a BART. What they say if None: cross-encoders of
            sentence-transformers and classifiers with a label such as "entailment" are for pairs.
        special_tokens_in_text: Whether control tokens, such as "</s>" or "<|endoftext|>", are read from texts, as the
            prompts of some models hold them. Otherwise they stay text, so that nobody can put them into a model's
            input by writing them, unless the preset was made with this option. Other added tokens are always read.

    Returns:
        A `zoo.tasks.Task`, such as `Translator`.

    Raises:
        UserError: for a missing, damaged or unknown directory, naming the file at fault.

    Example:
        >>> zoo.load("runs/translation")("A man rides a horse.")
        'Ein Mann reitet auf einem Pferd.'
    """
    files = DirectoryFiles(directory)
    of_hugging_face = not is_gguf(directory) and (is_hugging_face(files) or files.holds(MODULES_FILE))
    if task is not None and not of_hugging_face:
        raise UserError(f"{directory} is no Hugging Face directory, of which alone a task can be chosen, not {task!r}")
    if of_hugging_face:
        return task_from_hugging_face(files, dtype, task, special_tokens_in_text=special_tokens_in_text)
    if is_gguf(directory):
        return task_from_gguf(directory, dtype, special_tokens_in_text)
    if is_keras_hub(directory):
        if special_tokens_in_text:
            raise UserError(f"{directory} is a preset of KerasHub, of which special_tokens_in_text is not supported")
        return task_from_keras_hub(directory, dtype)
    preset = load_preset(directory, dtype)
    cls = task_class(preset.task)
    if cls is None:
        raise UserError(f"{preset.directory} holds a {preset.task!r}, which this version does not know")
    examples = load_examples(preset.directory / "examples.json")
    try:
        read_tokenizer = _load_reading_all if special_tokens_in_text else load_tokenizer
        return cls.from_preset(preset, read_tokenizer, examples)
    except (KeyError, TypeError) as error:
        path = preset.directory / CONFIG_FILE
        raise UserError(f"{path} does not describe a {preset.task} of this version: {error}") from error


def stored_inputs(directory):
    """Names of the texts that the task of a directory takes, told without reading its model.

    Args:
        directory: As of `load`, which says what is wrong with it.
    """
    files = DirectoryFiles(directory)
    if is_hugging_face(files):
        return inputs_of(files)
    return getattr(task_class(str(stored_task(directory))), "inputs", Task.inputs)


def stored_task(directory):
    """The name of the class of a preset's task, or None if a directory is no preset."""
    try:
        return json.loads((Path(directory) / CONFIG_FILE).read_text(encoding="utf-8")).get("task")
    except (OSError, ValueError, AttributeError):
        return None


def _load_reading_all(directory):
    tokenizer = load_tokenizer(directory)
    return tokenizer.reading_from_text(tokenizer.control_tokens)
