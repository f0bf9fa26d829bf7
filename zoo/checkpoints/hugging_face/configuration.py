"""config.json of a Hugging Face directory and the arguments of `Encoder`, in both directions."""

from pathlib import Path

from zoo.architectures import FOLDERS
from zoo.architectures.configuration_keys import ACTIVATIONS, activation_name
from zoo.checkpoints.bert_families import FAMILIES
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.safetensors_files import pickle_advice
from zoo.errors import UserError

_REQUIRED = object()
# Our argument: (their key, the value where a configuration has none). The defaults are those of transformers.
_BERT_KEYS = {
    "vocabulary_size": ("vocab_size", _REQUIRED),
    "hidden_dim": ("hidden_size", _REQUIRED),
    "intermediate_dim": ("intermediate_size", _REQUIRED),
    "num_heads": ("num_attention_heads", _REQUIRED),
    "num_layers": ("num_hidden_layers", _REQUIRED),
    "max_sequence_length": ("max_position_embeddings", _REQUIRED),
    "num_segments": ("type_vocab_size", 2),
    "activation": ("hidden_act", "gelu"),
    "dropout": ("hidden_dropout_prob", 0.1),
    "attention_dropout": ("attention_probs_dropout_prob", 0.1),
    "layer_norm_epsilon": ("layer_norm_eps", 1e-12),
}
_KEYS = {
    "bert": _BERT_KEYS,
    "roberta": _BERT_KEYS,
    "distilbert": {
        "vocabulary_size": ("vocab_size", _REQUIRED),
        "hidden_dim": ("dim", _REQUIRED),
        "intermediate_dim": ("hidden_dim", _REQUIRED),
        "num_heads": ("n_heads", _REQUIRED),
        "num_layers": ("n_layers", _REQUIRED),
        "max_sequence_length": ("max_position_embeddings", _REQUIRED),
        "activation": ("activation", "gelu"),
        "dropout": ("dropout", 0.1),
        "attention_dropout": ("attention_dropout", 0.1),
    },
}
# What transformers' code fixes where the configuration has no key for it.
_FIXED = {"bert": {}, "roberta": {}, "distilbert": {"num_segments": 0, "layer_norm_epsilon": 1e-12}}
# Key: the values that change nothing. Any other makes a model that the zoo does not have.
_ONLY = {
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "is_encoder_decoder": (False, None),
    "add_cross_attention": (False, None),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
}
_KINDS = {
    "Model": "encoder",
    "ForTokenClassification": "token_classifier",
    "ForSequenceClassification": "sequence_classifier",
    "ForMaskedLM": "masked_token_predictor",
    "ForPreTraining": "pretraining",
}
PROBLEM_TYPES = ("single_label_classification", "multi_label_classification", "regression")


def check_architectures(content, path, supported):
    """Refuses a config.json of another class of models than the supported ones; one that names none is not refused."""
    names = content.get("architectures")
    if names and (not isinstance(names, list) or names[0] not in supported):
        raise UserError(f"{path}: architectures {names!r} is not supported; supported are {', '.join(supported)}")


class Configuration:
    """A configuration that the zoo can make a model of.

    Args:
        content: The dictionary in config.json.
        path: What error messages call the file.

    Attributes:
        content, path: The same.
        family: A `Family` of `zoo.checkpoints.bert_families`.
        encoder: Arguments of `Encoder` but `pooler`.

    Raises:
        UserError: for anything that the zoo cannot follow exactly, naming the key and its value.
    """

    def __init__(self, content, path):
        self.content, self.path = content, Path(path)
        self.family = self._find_family()
        for key, values in _ONLY.items():
            if content.get(key) not in values:
                raise UserError(f"{path}: {key} {content[key]!r} is not supported; it must be {values[0]!r}")
        self.encoder = self._encoder_arguments()

    @classmethod
    def read(cls, directory):
        """The configuration in a directory."""
        files = DirectoryFiles.of(directory)
        return cls(files.config, files / CONFIG_FILE)

    def _find_family(self):
        model_type = self.content.get("model_type")
        for family in FAMILIES:
            if model_type in family.model_types:
                return family
        if model_type in FOLDERS:
            pickle = pickle_advice(self.path.parent)
            raise UserError(
                f"{self.path}: a model of type {model_type!r} is read from safetensors files only"
                + ("" if pickle is None else f"; {pickle}")
            )
        known = ", ".join(sorted([*FOLDERS, *(name for family in FAMILIES for name in family.model_types)]))
        raise UserError(f"{self.path}: model_type {model_type!r} is not supported; supported are {known}")

    def _encoder_arguments(self):
        keys = _KEYS[self.family.name]
        absent = [key for key, default in keys.values() if default is _REQUIRED and key not in self.content]
        if absent:
            raise UserError(f"{self.path} is damaged: it lacks {', '.join(absent)}; copy it again")
        arguments = {ours: self.content.get(key, default) for ours, (key, default) in keys.items()}
        for ours, value in arguments.items():
            wanted = str if ours == "activation" else (int, float)
            if not isinstance(value, wanted) or isinstance(value, bool) or (wanted is not str and value < 0):
                raise UserError(f"{self.path}: {keys[ours][0]} {value!r} is not supported")
        name = arguments["activation"]
        if name not in ACTIVATIONS:
            key, known = keys["activation"][0], ", ".join(ACTIVATIONS)
            raise UserError(f"{self.path}: {key} {name!r} is not supported; supported are {known}")
        arguments["activation"] = ACTIVATIONS[name]
        if self.family.name == "roberta":
            # The position of a token is counted from the row after that of the padding token.
            arguments["position_offset"] = self.content.get("pad_token_id", 1) + 1
            arguments["max_sequence_length"] -= arguments["position_offset"]
        return {**arguments, **_FIXED[self.family.name]}

    @property
    def kind(self):
        """The one of `KINDS` that the configuration names, or None if it names none."""
        names = self.content.get("architectures") or []
        for prefix in self.family.class_prefixes:
            if names and names[0].startswith(prefix):
                return _KINDS.get(names[0].removeprefix(prefix))
        return None

    @property
    def labels(self):
        """Names of the classes in the order of their logits; LABEL_0 and LABEL_1 if there are none, as in transformers.

        Raises:
            UserError: if they are not numbered from 0 without gaps.
        """
        given = self.content.get("id2label")
        if given is None:
            given = {i: f"LABEL_{i}" for i in range(self.content.get("num_labels", 2))}
        try:
            by_id = {int(number): str(name) for number, name in given.items()}
        except (AttributeError, ValueError) as error:
            raise UserError(f"{self.path}: id2label must name a label for every number, got {given!r}") from error
        if sorted(by_id) != list(range(len(by_id))) or not by_id:
            raise UserError(f"{self.path}: id2label must number the labels from 0 without gaps, got {sorted(by_id)}")
        count = self.content.get("num_labels")
        if count not in (None, len(by_id)):
            raise UserError(
                f"{self.path}: num_labels {count!r} is not supported beside id2label with {len(by_id)} labels"
            )
        return tuple(by_id[number] for number in range(len(by_id)))

    @property
    def problem_type(self):
        """One of `PROBLEM_TYPES`, or None if the configuration does not say."""
        found = self.content.get("problem_type")
        if found not in (*PROBLEM_TYPES, None):
            raise UserError(f"{self.path}: problem_type {found!r} is not supported; it must be one of {PROBLEM_TYPES}")
        return found

    def head_dropout(self, kind):
        """Rate before the last layer of a classifier."""
        content = self.content
        if self.family.name == "distilbert":
            return content.get("seq_classif_dropout", 0.2) if kind == "sequence_classifier" else self.encoder["dropout"]
        given = content.get("classifier_dropout")
        return self.encoder["dropout"] if given is None else given


def to_hugging_face(family, kind, encoder_config, *, head_dropout=None, labels=None, problem_type=None, pad_token_id=0):
    """The content of config.json for a model, which `Configuration` reads back the same.

    Args:
        family: A `Family`.
        kind: One of `KINDS`.
        encoder_config: `Encoder.get_config()`.
        head_dropout: Rate before the last layer of a classifier.
        labels: Names of the classes.
        problem_type: One of `PROBLEM_TYPES` or None.
        pad_token_id: Of the tokenizer; RoBERTa's positions are counted from it.
    """
    suffix = next(suffix for suffix, named in _KINDS.items() if named == kind)
    content = {"architectures": [family.class_prefixes[0] + suffix], "model_type": family.name}
    for ours, (theirs, _) in _KEYS[family.name].items():
        content[theirs] = encoder_config[ours]
    key = _KEYS[family.name]["activation"][0]
    content[key] = activation_name(encoder_config["activation"])
    if family.name == "roberta":
        pad_token_id = encoder_config["position_offset"] - 1
        content["max_position_embeddings"] += encoder_config["position_offset"]
    content |= {"pad_token_id": pad_token_id, "tie_word_embeddings": True, "initializer_range": 0.02}
    if head_dropout is not None:
        distilbert_sequences = family.name == "distilbert" and kind == "sequence_classifier"
        content["seq_classif_dropout" if distilbert_sequences else "classifier_dropout"] = head_dropout
    if labels is not None:
        content["id2label"] = {str(number): name for number, name in enumerate(labels)}
        content["label2id"] = {name: number for number, name in enumerate(labels)}
    if problem_type is not None:
        content["problem_type"] = problem_type
    return {**content, "dtype": "float32"}
