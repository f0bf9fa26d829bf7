"""GPT-2 from the TensorFlow checkpoints that OpenAI published: hparams.json and model.ckpt.*."""

import json
from dataclasses import replace
from pathlib import Path

from zoo.architectures.gpt2.hugging_face import ARCHITECTURE
from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, ForeignModel, check_kind
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.checkpoints.original_tensorflow import TRAINING_STATE, CheckpointTensors, find_checkpoint
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer

CONFIG_FILE = "hparams.json"
VOCABULARY_FILE = "encoder.json"
MERGES_FILE = "vocab.bpe"
_KEYS = {
    "vocabulary_size": "n_vocab",
    "hidden_dim": "n_embd",
    "num_heads": "n_head",
    "num_layers": "n_layer",
    "max_sequence_length": "n_ctx",
}
# By the last part of the path to a weight; the variable of a table has its layer's name.
_ENDINGS = {"kernel": "/w", "bias": "/b", "gamma": "/g", "beta": "/b"}


class ConvolutionTensors(CheckpointTensors):
    """The variables of a checkpoint, matrices among them written as convolutions of width 1: `[1, inputs, outputs]`."""

    def add(self, name, shape, source):
        """As `NamedTensors.add`, a matrix without its first dimension."""
        super().add(name, shape[1:] if len(shape) == 3 and shape[0] == 1 else shape, source)

    def _read(self, name, source):
        return super()._read(name, source).reshape(self.shapes[name])


def is_openai_tensorflow(directory):
    """Whether a directory holds hparams.json, which names OpenAI's checkpoints."""
    return (Path(directory) / CONFIG_FILE).is_file()


def load_openai_tensorflow(directory, kind=None, dtype=None):
    """Reads a GPT-2 that OpenAI's TensorFlow program wrote.

    Args:
        directory: A directory with hparams.json and one checkpoint, such as model.ckpt.index and its data, or the path
            of one of several checkpoints without ".index".
        kind: "language_model" or None.
        dtype: A Keras dtype policy; the global one if None.

    Returns:
        A `ForeignModel` of kind "language_model".

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and variables missing, unexpected
            or of another shape, each by name.

    Source: Radford et al. 2019, https://github.com/openai/gpt-2.
    """
    check_kind(kind, LANGUAGE_MODEL, directory)
    prefix = find_checkpoint(Path(directory))
    path = prefix.parent / CONFIG_FILE
    try:
        model = ARCHITECTURE.model_class(**_model_arguments(path), dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    names = [_spelled(name, ARCHITECTURE.prefix) for name in ARCHITECTURE.tensor_names(model)]
    assign_tensors(model, ConvolutionTensors(prefix), names, TRAINING_STATE)
    return ForeignModel(directory=prefix.parent, model=model, kind=LANGUAGE_MODEL)


def load_openai_tensorflow_tokenizer(directory):
    """Reads the tokenizer of encoder.json and vocab.bpe.

    Raises:
        UserError: for missing or damaged files.
    """
    directory = Path(directory)
    return BytePairTokenizer.from_files(directory / VOCABULARY_FILE, directory / MERGES_FILE)


def _spelled(name, prefix):
    """A `TensorName` of a Hugging Face file with OpenAI's name."""
    layer = name.theirs.removeprefix(prefix).rpartition(".")[0]
    ending = _ENDINGS.get(name.ours.rpartition(".")[2], "")
    return replace(name, theirs=f"model/{layer.replace('h.', 'h', 1).replace('.', '/')}{ending}")


def _model_arguments(path):
    """Arguments of `GPT2`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); copy it again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: it is no JSON object; copy it again")
    absent = [key for key in _KEYS.values() if key not in content]
    if absent:
        raise UserError(f"{path} is damaged: it lacks {', '.join(absent)}; copy it again")
    unknown = sorted(content.keys() - set(_KEYS.values()))
    if unknown:
        raise UserError(f"{path}: {unknown[0]} {content[unknown[0]]!r} is not supported")
    for key, value in content.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UserError(f"{path}: {key} {value!r} is not supported")
    arguments = {ours: content[theirs] for ours, theirs in _KEYS.items()}
    return {**arguments, "intermediate_dim": 4 * arguments["hidden_dim"]}
