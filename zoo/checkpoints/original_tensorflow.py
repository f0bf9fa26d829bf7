"""BERT from the TensorFlow checkpoints that Google published: bert_config.json and bert_model.ckpt.*."""

import json
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from zoo.architectures.bert.hugging_face import ARCHITECTURE as BERT
from zoo.architectures.encoder_architecture import KINDS, body_of, kind_of
from zoo.architectures.tensor_name import TensorName
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.hugging_face.encoder_configuration import EncoderConfiguration
from zoo.checkpoints.named_tensors import NamedTensors, assign_tensors
from zoo.errors import UserError
from zoo.tokenizers import WordPieceTokenizer
from zoo.tokenizers.wordpiece.vocabulary import SPECIAL_TOKENS

CONFIG_FILE = "bert_config.json"
VOCABULARY_FILE = "vocab.txt"
# A truncated file is an IndexError, others depend on where the damage is.
_READ_ERRORS = (tf.errors.OpError, IndexError, ValueError, RuntimeError)
# State of training programs.
TRAINING_STATE = (
    r"global_step",
    r".*/adam_[mv]",
    r"(.*/)?(beta[12]_power|Adam(_1)?)",
    r"good_steps|bad_steps|loss_scale.*",
)
_PARTS = {
    "dense": (("kernel", "kernel"), ("bias", "bias")),
    "norm": (("gamma", "gamma"), ("beta", "beta")),
}
# Google's variables that are no layers, by their name in the rules.
_SEQUENCE_CLASSIFIER = (
    TensorName("classifier.kernel", "output_weights", transposed=True),
    TensorName("classifier.bias", "output_bias"),
)
_NEXT_SENTENCE = (
    TensorName("next_sentence_head.kernel", "cls/seq_relationship/output_weights", transposed=True),
    TensorName("next_sentence_head.bias", "cls/seq_relationship/output_bias"),
)


class CheckpointTensors(NamedTensors):
    """The variables of a TensorFlow checkpoint.

    Args:
        prefix: Path of the checkpoint without ".index".

    Raises:
        UserError: for a missing or damaged checkpoint.
    """

    def __init__(self, prefix):
        super().__init__(prefix)
        try:
            self._reader = tf.train.load_checkpoint(self.origin)
            found = self._reader.get_variable_to_shape_map()
        except _READ_ERRORS as error:
            raise UserError(f"{prefix} is no TensorFlow checkpoint that can be read: {_first_line(error)}") from error
        for name, shape in found.items():
            self.add(name, shape, name)

    def _read(self, name, source):
        try:
            return self._reader.get_tensor(source)
        except _READ_ERRORS as error:
            raise UserError(f"{self.origin}: the variable {name} cannot be read: {_first_line(error)}") from error


def is_original_tensorflow(directory):
    """Whether a directory holds bert_config.json, which names Google's checkpoints."""
    return (Path(directory) / CONFIG_FILE).is_file()


def load_original_tensorflow(directory, kind=None, dtype=None):
    """Reads a BERT that Google's TensorFlow programs wrote.

    Their `gelu` is the approximation by tanh, so that is the model's activation. transformers' copies of the same
    weights compute the exact one, which moves logits by some 1e-3.

    Args:
        directory: A directory with bert_config.json and one checkpoint, such as bert_model.ckpt.index and its data, or
            the path of one of several checkpoints without ".index".
        kind: What to make of it: "encoder", "sequence_classifier" (of run_classifier.py), "masked_token_predictor" or
            "pretraining"; the largest of them whose variables are there if None. "encoder" leaves any head behind.
        dtype: A Keras dtype policy; the global one if None.

    Returns:
        A `ForeignModel`. Labels of a classifier are LABEL_0, LABEL_1 and so on: the checkpoint does not hold them.

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and variables missing, unexpected
            or of another shape, each by name.

    Source: Devlin et al. 2019, https://github.com/google-research/bert.
    """
    prefix = find_checkpoint(Path(directory))
    configuration = _read_configuration(prefix.parent)
    tensors = CheckpointTensors(prefix)
    kind = _choose_kind(kind, tensors)
    num_labels = None
    if kind == "sequence_classifier":
        num_labels = tensors.shapes.get("output_bias", (2,))[0]
    head = {} if num_labels is None else {"num_labels": num_labels, **BERT.head_arguments[kind]}
    if kind == "pretraining":
        head["next_sentence"] = True
    try:
        model = BERT.make(kind, {**configuration.encoder, "pooler": True}, head, dtype)
    except UserError as error:
        raise UserError(f"{configuration.path}: {error}") from error
    names = checkpoint_names(model)
    used = {name.theirs for name in names}
    heads = {name.theirs for other in _kinds() for name in _head_names(other)}
    assign_tensors(model, tensors, names, [*TRAINING_STATE, *(heads - used)])
    labels = tuple(f"LABEL_{i}" for i in range(num_labels)) if num_labels else None
    return ForeignModel(directory=prefix.parent, model=model, kind=kind, labels=labels)


def load_original_tensorflow_tokenizer(directory):
    """Reads the tokenizer of vocab.txt, lowercase unless the vocabulary has capital letters.

    Google's programs are told by an option whether a model is "cased"; its files do not say.

    Raises:
        UserError: for a missing or damaged vocab.txt.
    """
    tokenizer = WordPieceTokenizer.from_vocabulary_file(Path(directory) / VOCABULARY_FILE)
    words = (token for token in tokenizer.vocabulary if token not in SPECIAL_TOKENS)
    if any(word != word.lower() for word in words):
        return WordPieceTokenizer(tokenizer.vocabulary, lowercase=False)
    return tokenizer


def checkpoint_names(model):
    """`TensorName` of every variable of a model."""
    kind = kind_of(model)
    rules = [*BERT.rules(body_of(model)), *BERT.pooler]
    names = [name for rule in rules for name in _render(rule, "bert/")]
    if kind == "encoder":
        return names
    return [*(replace(name, ours=f"encoder.{name.ours}") for name in names), *_head_names(kind)]


def _head_names(kind):
    """`TensorName` of every variable of a head."""
    if kind == "encoder":
        return []
    if kind == "sequence_classifier":
        return list(_SEQUENCE_CLASSIFIER)
    names = [name for rule in BERT.heads["masked_token_predictor"] for name in _render(rule, "")]
    return [*names, *_NEXT_SENTENCE] if kind == "pretraining" else names


def _render(rule, prefix):
    theirs = prefix + rule.theirs.replace("layer.", "layer_").replace(".", "/")
    if rule.kind in _PARTS:
        return [TensorName(f"{rule.ours}.{ours}", f"{theirs}/{end}") for ours, end in _PARTS[rule.kind]]
    return [TensorName(rule.ours, theirs.replace("cls/predictions/bias", "cls/predictions/output_bias"))]


def _kinds():
    return [kind for kind in KINDS if kind not in ("token_classifier", "span_predictor")]


def _choose_kind(kind, tensors):
    if kind is not None:
        if kind not in _kinds():
            raise UserError(f"kind must be one of {', '.join(_kinds())}, got {kind!r}")
        return kind
    for kind, name in (
        ("pretraining", "cls/seq_relationship/output_weights"),
        ("masked_token_predictor", "cls/predictions/output_bias"),
        ("sequence_classifier", "output_weights"),
    ):
        if name in tensors.shapes:
            return kind
    return "encoder"


def find_checkpoint(path):
    """The path without ".index" of the one checkpoint in a directory, or of the one that the path itself names.

    Raises:
        UserError: if there is none or more than one.
    """
    if Path(f"{path}.index").is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path} is neither a directory nor a checkpoint with an .index file")
    found = sorted(path.glob("*.index"))
    if len(found) != 1:
        listed = ", ".join(file.stem for file in found) or "none"
        raise UserError(
            f"{path} must hold one TensorFlow checkpoint, a file like model.ckpt.index; found {listed}"
            + ("; give the path of one of them" if found else "")
        )
    return found[0].with_suffix("")


def _read_configuration(directory):
    path = directory / CONFIG_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); copy it again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: it is no JSON object; copy it again")
    activation = content.get("hidden_act", "gelu")
    if activation not in ("gelu", "relu"):
        raise UserError(f"{path}: hidden_act {activation!r} is not supported; supported are gelu, relu")
    google = {"model_type": "bert", "hidden_act": {"gelu": "gelu_new"}.get(activation, activation)}
    return EncoderConfiguration({**content, **google}, path, BERT)


def _first_line(error):
    return str(error).strip().splitlines()[0][:300]
