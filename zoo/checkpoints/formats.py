"""Which program wrote a directory, and reading it whichever it was."""

import importlib
from pathlib import Path
from typing import Any

from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.hugging_face import DirectoryFiles, is_hugging_face
from zoo.checkpoints.hugging_face.directory_files import AnyDirectory
from zoo.checkpoints.hugging_face.safetensors_files import INDEX_FILE, WEIGHTS_FILE
from zoo.checkpoints.keras2_hdf5 import WEIGHTS_FILE as KERAS2_FILE
from zoo.checkpoints.keras_hub import is_keras_hub
from zoo.checkpoints.preset import is_preset
from zoo.errors import UserError
from zoo.tokenizers import Tokenizer

# By format: the module and its functions for the model and the tokenizer. TensorFlow is imported only where it is read.
_READERS = {
    "hugging_face": ("hugging_face", "load_hugging_face", "hugging_face", "load_tokenizer"),
    "keras2_hdf5": ("keras2_hdf5", "load_keras2_hdf5", "hugging_face", "load_tokenizer"),
    "keras_hub": ("keras_hub", "load_keras_hub", "keras_hub", "load_keras_hub_tokenizer"),
    "original_tensorflow": (
        "original_tensorflow",
        "load_original_tensorflow",
        "original_tensorflow",
        "load_original_tensorflow_tokenizer",
    ),
    "openai_tensorflow": (
        "openai_tensorflow",
        "load_openai_tensorflow",
        "openai_tensorflow",
        "load_openai_tensorflow_tokenizer",
    ),
}


def checkpoint_format(directory: AnyDirectory) -> str:
    """What a directory holds.

    Returns:
        "preset" (ours), "hugging_face" (safetensors), "keras2_hdf5" (tf_model.h5), "keras_hub", "original_tensorflow"
        (Google's BERT) or "openai_tensorflow" (OpenAI's GPT-2).

    Raises:
        UserError: if it is none of them.
    """
    files, directory = DirectoryFiles.of(directory), Path(directory)
    if is_hugging_face(files):
        safetensors = any((directory / name).is_file() for name in (WEIGHTS_FILE, INDEX_FILE))
        return "keras2_hdf5" if not safetensors and (directory / KERAS2_FILE).is_file() else "hugging_face"
    if is_preset(directory):
        return "preset"
    if is_keras_hub(directory):
        return "keras_hub"
    if (directory / "bert_config.json").is_file():
        return "original_tensorflow"
    if (directory / "hparams.json").is_file():
        return "openai_tensorflow"
    if not directory.is_dir():
        raise UserError(f"{directory} is not a directory; give one that holds a model")
    raise UserError(
        f"{directory} holds no model that can be read: it has neither the config.json of a preset, of Hugging Face or "
        "of KerasHub, nor Google's bert_config.json or OpenAI's hparams.json"
    )


def load_foreign(directory: AnyDirectory, kind: str | None = None, dtype: Any = None) -> ForeignModel:
    """Reads a directory of any other program.

    Args:
        directory: A Hugging Face directory with safetensors or tf_model.h5, a KerasHub preset, or a checkpoint of
            Google's or OpenAI's TensorFlow programs.
        kind, dtype: As in `load_hugging_face`. Of KerasHub presets only the encoder or GPT-2 is read.

    Returns:
        A `ForeignModel`.

    Raises:
        UserError: for a directory that cannot be read, naming what is wrong.
    """
    module, function = _READERS[_foreign_format(directory)][:2]
    return _reader(module, function)(directory, kind=kind, dtype=dtype)


def load_foreign_tokenizer(directory: AnyDirectory) -> Tokenizer:
    """Reads the tokenizer of a directory that `load_foreign` reads."""
    module, function = _READERS[_foreign_format(directory)][2:]
    return _reader(module, function)(directory)


def _foreign_format(directory):
    found = checkpoint_format(directory)
    if found == "preset":
        raise UserError(f"{directory} is a preset of the zoo; load it with zoo.load")
    return found


def _reader(module, function):
    return getattr(importlib.import_module(f"zoo.checkpoints.{module}"), function)
