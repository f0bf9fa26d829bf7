"""What config.json of a Hugging Face directory says of an encoder and of the head on it."""

from pathlib import Path

from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.architectures.encoder_architecture import CLASSIFIERS, KINDS, LANGUAGE_MODELS, SPANS
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.errors import UserError

PROBLEM_TYPES = ("single_label_classification", "multi_label_classification", "regression")


class EncoderConfiguration:
    """A configuration that the zoo can make a model of.

    Args:
        content: The dictionary in config.json.
        path: What error messages call the file.
        architecture: The `zoo.architectures.encoder_architecture.EncoderArchitecture` that it names.

    Attributes:
        content, path, architecture: The same.
        encoder: Arguments of the encoder but `pooler`.

    Raises:
        UserError: for anything that the zoo cannot follow exactly, naming the key and its value.
    """

    def __init__(self, content, path, architecture):
        self.content, self.path, self.architecture = content, Path(path), architecture
        self._keys = ConfigurationKeys(content, path)
        self.encoder = architecture.arguments(self._keys)

    @property
    def kind(self):
        """The one of `KINDS` that the configuration names, or None if it names none."""
        names = self.content.get("architectures") or [None]
        return self.architecture.kind_of_class(names[0])

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

    def choose_kind(self, kind):
        """The kind that is asked for, or that the configuration names if that is None.

        Raises:
            UserError: for a kind unknown, unnamed, or other than what the directory holds.
        """
        if kind not in (*KINDS, None):
            raise UserError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        named = self.kind
        if kind is None and named is None:
            raise UserError(
                f"{self.path}: architectures {self.content.get('architectures')!r} names no model that the zoo has; "
                'load the encoder alone with kind="encoder"'
            )
        kind = named if kind is None else kind
        # The tensors decide whether a language model has next-sentence prediction: BERT's own files have it unnamed.
        possible = {named, *(LANGUAGE_MODELS if named in LANGUAGE_MODELS else ())} & self.architecture.heads.keys()
        if kind not in possible | {"encoder"}:
            raise UserError(
                f"{self.path.parent} holds a model of kind {named!r}, which is no {kind!r}; "
                'load it with kind="encoder" and put a new head on it'
            )
        if kind in LANGUAGE_MODELS and self.content.get("tie_word_embeddings") is False:
            raise UserError(
                f"{self.path}: tie_word_embeddings False is not supported, the output matrix must be the table of "
                'token vectors; load the encoder alone with kind="encoder"'
            )
        return kind

    def make_model(self, kind, tensor_names, dtype):
        """A built model of new weights.

        Args:
            kind: One of `KINDS`.
            tensor_names: Those of the file, which say whether an encoder alone has a pooler.
            dtype: A Keras dtype policy; the global one if None.
        """
        with_pooler = self.architecture.uses_pooler(kind)
        if kind == "encoder":
            with_pooler = with_pooler and any(
                f".{rule.theirs}." in f".{name}" for rule in self.architecture.pooler for name in tensor_names
            )
        head = {} if kind == "encoder" else self.architecture.arguments_of_head(kind, self._keys)
        if kind in CLASSIFIERS:
            head["num_labels"] = len(self.labels)
        if kind == SPANS and len(self.labels) != 2:
            raise UserError(
                f"{self.path}: a model for questions has 2 outputs, the beginning and the end of an answer; "
                f"{len(self.labels)} labels are not supported"
            )
        try:
            return self.architecture.make(kind, {**self.encoder, "pooler": with_pooler}, head, dtype)
        except UserError as error:
            raise UserError(f"{self.path}: {error}") from error

    def describe(self, kind, model):
        """The `ForeignModel` of a model with its weights."""
        return ForeignModel(
            directory=self.path.parent,
            model=model,
            kind=kind,
            labels=self.labels if kind in CLASSIFIERS else None,
            problem_type=self.problem_type if kind == "sequence_classifier" else None,
        )
