"""What families of encoders have in common: their keys, the heads that they come with, and the names of tensors."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Literal

from zoo.architectures.architecture import Architecture
from zoo.architectures.configuration_keys import activation_name
from zoo.architectures.rule import Rule, expand, names_of_rules
from zoo.errors import UserError
from zoo.models.encoder import Encoder
from zoo.models.encoder_with_head import EncoderWithHead
from zoo.models.masked_token_predictor import MaskedTokenPredictor
from zoo.models.sequence_classifier import SequenceClassifier
from zoo.models.span_predictor import SpanPredictor
from zoo.models.token_classifier import TokenClassifier

CLASSIFIERS = ("token_classifier", "sequence_classifier")
LANGUAGE_MODELS = ("masked_token_predictor", "pretraining")
SPANS = "span_predictor"
KINDS = ("encoder", *CLASSIFIERS, SPANS, *LANGUAGE_MODELS)
"""What a model is: an encoder alone, or one of the models with a head."""

_SUFFIXES = {
    "encoder": "Model",
    "token_classifier": "ForTokenClassification",
    "sequence_classifier": "ForSequenceClassification",
    SPANS: "ForQuestionAnswering",
    "masked_token_predictor": "ForMaskedLM",
    "pretraining": "ForPreTraining",
}
_CLASSES = {
    "token_classifier": TokenClassifier,
    "sequence_classifier": SequenceClassifier,
    SPANS: SpanPredictor,
    **dict.fromkeys(LANGUAGE_MODELS, MaskedTokenPredictor),
}


class EncoderArchitecture(Architecture):
    """A family of encoders, alone or with a head, in the way of BERT where a subclass does not say otherwise.

    Attributes:
        class_prefix: Start of the names of the family's classes.
        tensor_prefix: Prefix of the names of the encoder's tensors in a model with a head.
        sizes: Key by argument of the encoder, of whole numbers that every configuration has.
        numbers: Key and default by argument, of other numbers.
        activation: The key of the activation, and its default.
        fixed: Arguments of the encoder that the family's program fixes.
        layers: A `Rule` for each layer of the encoder.
        pooler: Likewise of its pooler; none if the family has none.
        heads: Rules of each kind of head, `ours` counted from the model with the head.
        head_arguments: Arguments of each head that the family's program fixes, by kind.
        head_dropout: Key and default of the rate before the last layer of a head, by kind; the encoder's rate where
            there is no key or no value, and none in a head for spans without a key.
        hidden_dropout: Whether a sequence classifier has the same rate before its hidden layer.
        copies: Tensors that repeat another, by name.
        foreign_heads: Regular expressions of tensors of heads that the zoo does not have.
        ignored_tensors: Buffers that earlier versions of transformers saved.
    """

    group: ClassVar[Literal["encoder"]] = "encoder"
    model_class = Encoder
    ignored_tensors = (r"(\w+\.)?embeddings\.(position_ids|token_type_ids)",)
    class_prefix: ClassVar[str]
    tensor_prefix: ClassVar[str]
    sizes: ClassVar[dict[str, str]] = {
        "vocabulary_size": "vocab_size",
        "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size",
        "num_heads": "num_attention_heads",
        "num_layers": "num_hidden_layers",
        "max_sequence_length": "max_position_embeddings",
    }
    numbers: ClassVar[dict[str, tuple[str, float]]] = {
        "dropout": ("hidden_dropout_prob", 0.1),
        "attention_dropout": ("attention_probs_dropout_prob", 0.1),
        "layer_norm_epsilon": ("layer_norm_eps", 1e-12),
    }
    activation: ClassVar[tuple[str, str]] = ("hidden_act", "gelu")
    fixed: ClassVar[dict[str, Any]] = {
        "norm": "post",
        "position_offset": 0,
        "embedding_dim": None,
        "num_relative_buckets": 0,
    }
    layers: ClassVar[tuple[Rule, ...]]
    pooler: ClassVar[tuple[Rule, ...]] = ()
    heads: ClassVar[dict[str, tuple[Rule, ...]]]
    head_arguments: ClassVar[dict[str, dict[str, Any]]] = {}
    head_dropout: ClassVar[dict[str, tuple[str, float | None]]] = dict.fromkeys(
        CLASSIFIERS, ("classifier_dropout", None)
    )
    hidden_dropout: ClassVar[bool] = False
    copies: ClassVar[dict[str, str]] = {}
    foreign_heads: ClassVar[tuple[str, ...]] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes of transformers, that of the bare encoder first."""
        return tuple(self.class_name(kind) for kind in KINDS if kind == "encoder" or kind in self.heads)

    def class_name(self, kind) -> str:
        """transformers' class of a kind of model."""
        return self.class_prefix + _SUFFIXES[kind]

    def kind_of_class(self, name) -> str | None:
        """The kind of model that a class of the family is; None for one that the zoo does not have."""
        return next((kind for kind in KINDS if name == self.class_name(kind)), None)

    def holds(self, model) -> bool:
        """Whether a model is an encoder of exactly the family's class, or one with a head over it."""
        return type(body_of(model)) is self.model_class

    # From configurations to models.

    def arguments(self, keys):
        """Arguments of the encoder but `pooler`."""
        keys.only(
            position_embedding_type="absolute",
            is_decoder=False,
            is_encoder_decoder=False,
            add_cross_attention=False,
            pruned_heads={},
            quantization_config=(),
        )
        return {
            **keys.integers({theirs: ours for ours, theirs in self.sizes.items()}),
            **{ours: keys.number(*key) for ours, key in self.numbers.items()},
            "activation": keys.activation(*self.activation),
            **self.fixed,
            **self.further_arguments(keys),
        }

    def further_arguments(self, keys) -> dict[str, Any]:
        """Arguments of the encoder by keys that not every family has."""
        return {"num_segments": keys.integer("type_vocab_size", 2, minimum=0)}

    def arguments_of_head(self, kind, keys) -> dict[str, Any]:
        """Arguments of the model with a head but the encoder and the number of labels."""
        arguments = dict(self.head_arguments.get(kind, {}))
        if kind in LANGUAGE_MODELS:
            return {"next_sentence": kind == "pretraining", **arguments}
        if kind == SPANS and kind not in self.head_dropout:
            return arguments
        rate = keys.number(*self.head_dropout[kind]) if kind in self.head_dropout else None
        arguments["dropout"] = keys.number(*self.numbers["dropout"]) if rate is None else rate
        if self.hidden_dropout and kind == "sequence_classifier":
            arguments["hidden_dropout"] = arguments["dropout"]
        return arguments

    def make(self, kind, encoder_arguments, head_arguments, dtype=None):
        """A built model of new weights.

        Args:
            kind: One of `KINDS`, that the family has.
            encoder_arguments: Of the encoder.
            head_arguments: Of the class of the head, but for the encoder.
            dtype: A Keras dtype policy; the global one if None.
        """
        model = self.model_class(**encoder_arguments, dtype=dtype)
        if kind != "encoder":
            model = _CLASSES[kind](model, **head_arguments)
        model.build()
        return model

    # From models to configurations.

    def configuration(self, model):
        """The keys of config.json, of the head too."""
        config = body_of(model).get_config()
        self.check(model, config)
        return {
            **{theirs: config[ours] for ours, theirs in self.sizes.items()},
            self.activation[0]: activation_name(config["activation"]),
            **{theirs: config[ours] for ours, (theirs, _) in self.numbers.items()},
            **self.further_keys(config),
            **self.head_keys(model),
        }

    def further_keys(self, config) -> dict[str, Any]:
        """Keys that not every family has."""
        return {"type_vocab_size": config["num_segments"]}

    def head_keys(self, model) -> dict[str, Any]:
        """Keys of a model's head."""
        kind = kind_of(model)
        return {self.head_dropout[kind][0]: model.dropout.rate} if kind in self.head_dropout else {}

    def check(self, model, config):
        """Refuses a model that the family's configuration cannot say."""
        kind = kind_of(model)
        wanted = {**self.fixed, **({} if self.pooler else {"pooler": False})}
        if "num_segments" not in wanted and config.get("num_segments") == 0:
            raise self.lacks("num_segments=0")
        for name, value in wanted.items():
            if config[name] != value:
                raise self.lacks(f"{name}={config[name]!r}", f"only with {value!r}")
        if kind != "encoder" and kind not in self.heads:
            raise self.lacks("next-sentence prediction")
        head = {} if kind == "encoder" else model.get_config()
        for name, value in self.fixed_of_head(kind, config).items():
            found = config["activation"] if (name, head[name]) == ("activation", None) else head[name]
            if found != value:
                raise UserError(
                    f"transformers has no {self.class_prefix} whose head has {name}={found!r}, only {value!r}"
                )

    def fixed_of_head(self, kind, config) -> dict[str, Any]:
        """Arguments of a kind of head that a configuration cannot say otherwise, for an encoder's arguments."""
        wanted = {"transform_bias": True}
        if kind not in LANGUAGE_MODELS:
            wanted = {"hidden_activation": None, "hidden_norm": False}
        if kind in LANGUAGE_MODELS:
            wanted["activation"] = config["activation"]
        return {} if kind == "encoder" else {**wanted, **self.head_arguments.get(kind, {})}

    def lacks(self, what, advice="") -> UserError:
        """The error for a model that transformers has no class for."""
        return UserError(f"transformers has no {self.class_prefix} with {what}{advice and f', {advice}'}")

    # Names of tensors.

    def rules(self, encoder) -> Iterable[Rule]:
        """A `Rule` for every layer of an encoder but its pooler."""
        return [rule for rule in expand(self.layers, encoder.num_layers) if _is_there(encoder, rule)]

    def rules_of_model(self, model) -> list[Rule]:
        """A `Rule` for every layer of a model; of a pooler only where the kind of model uses one."""
        kind, encoder = kind_of(model), body_of(model)
        rules = list(self.rules(encoder))
        if encoder.pooler is not None and self.uses_pooler(kind):
            rules += self.pooler
        if kind == "encoder":
            return rules
        prefix = self.tensor_prefix
        rules = [replace(rule, ours=f"encoder.{rule.ours}", theirs=prefix + rule.theirs) for rule in rules]
        return [*rules, *self.heads[kind]]

    def tensor_names(self, model):
        """Every weight of a built model and its name, as PyTorch calls them."""
        return names_of_rules(self.rules_of_model(model), model)

    def uses_pooler(self, kind) -> bool:
        """Whether transformers' model of a kind has a pooler; for an encoder alone, whether the family has one."""
        if kind == "encoder":
            return bool(self.pooler)
        return kind == "pretraining" or self.head_arguments.get(kind, {}).get("pooling") == "pooler"

    def name_in_model(self, name, model) -> str:
        """A tensor's name in a file of a model's kind, whatever kind of file it comes from: with a prefix or not."""
        if kind_of(model) == "encoder":
            return name.removeprefix(self.tensor_prefix)
        rules = (*self.rules(body_of(model)), *self.pooler)
        starts = tuple({rule.theirs.split(".")[0] + "." for rule in rules})
        return self.tensor_prefix + name if name.startswith(starts) else name

    def unused_names(self, model) -> list[str]:
        """Regular expressions of names that a file may hold and a model does not use."""
        kind = kind_of(model)
        patterns = list(self.ignored_tensors)
        used = {rule.theirs for rule in self.heads.get(kind, ())}
        for rules in self.heads.values():
            patterns += [_pattern(rule.theirs) for rule in rules if rule.theirs not in used]
        if kind not in LANGUAGE_MODELS:
            # The output matrix and its bias under their second names; elsewhere they are compared.
            patterns += [re.escape(name) for name in self.copies]
        if kind == "encoder":
            patterns += self.foreign_heads
        if body_of(model).pooler is None or not self.uses_pooler(kind):
            patterns += [rf"(\w+\.)?{_pattern(rule.theirs)}" for rule in self.pooler]
        return patterns


def kind_of(model) -> str:
    """The one of `KINDS` that a model is.

    Raises:
        UserError: for a model that is none of them.
    """
    if isinstance(model, MaskedTokenPredictor):
        return "masked_token_predictor" if model.next_sentence_head is None else "pretraining"
    for kind in (*CLASSIFIERS, SPANS):
        if isinstance(model, _CLASSES[kind]):
            return kind
    if isinstance(model, EncoderWithHead):
        raise UserError(f"{type(model).__name__} cannot be written as a Hugging Face directory")
    return "encoder"


def body_of(model):
    """The encoder of a model, which may be the model itself."""
    return model.encoder if isinstance(model, EncoderWithHead) else model


def _is_there(encoder, rule):
    """Whether an encoder has the layer of a rule: embeddings of segments may be left out."""
    return getattr(encoder, rule.ours.partition(".")[0]) is not None


def _pattern(theirs):
    return rf"{re.escape(theirs)}(\.\w+)?"
