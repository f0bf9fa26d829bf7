"""ModernBERT in Hugging Face directories."""

from typing import ClassVar

from zoo.architectures.bert.hugging_face import CLASSIFIER
from zoo.architectures.configuration_keys import activation_name
from zoo.architectures.encoder_architecture import CLASSIFIERS, LANGUAGE_MODELS, SPANS, EncoderArchitecture, kind_of
from zoo.architectures.layer_types import FULL, WINDOWED, read_windows, write_windows
from zoo.architectures.modernbert.model import ModernBert
from zoo.architectures.rotary_keys import read_rotary_group, write_rotary
from zoo.architectures.rule import Rule

_FLAGS = {"attention_bias": "attention_bias", "mlp_bias": "feed_forward_bias", "norm_bias": "norm_bias"}
_HIDDEN = (Rule("dense", "hidden", "head.dense"), Rule("norm", "hidden_norm", "head.norm"))
# Prefix of our arguments, key of earlier files and default base by type of block.
_POSITIONS = {
    FULL: ("", "global_rope_theta", 160000.0),
    WINDOWED: ("window_", "local_rope_theta", 10000.0),
}
_POOLINGS = {"cls": "first", "mean": "mean"}


class ModernBertArchitecture(EncoderArchitecture):
    """ModernBERT."""

    model_type = "modernbert"
    model_class = ModernBert
    class_prefix = "ModernBert"
    tensor_prefix = "model."
    numbers: ClassVar = {
        "dropout": ("embedding_dropout", 0.0),
        "attention_dropout": ("attention_dropout", 0.0),
        "activation_dropout": ("mlp_dropout", 0.0),
        "layer_norm_epsilon": ("norm_eps", 1e-5),
    }
    activation = ("hidden_activation", "gelu")
    fixed: ClassVar = {}
    heads: ClassVar = {
        "token_classifier": (*_HIDDEN, *CLASSIFIER),
        "sequence_classifier": (*_HIDDEN, *CLASSIFIER),
        "span_predictor": (*_HIDDEN, Rule("dense", "span_head", "classifier")),
        "masked_token_predictor": (
            Rule("dense", "token_head.transform", "head.dense"),
            Rule("norm", "token_head.transform_norm", "head.norm"),
            Rule("vector", "token_head.bias", "decoder.bias"),
        ),
    }
    head_dropout: ClassVar = dict.fromkeys((*CLASSIFIERS, SPANS), ("classifier_dropout", 0.0))
    copies: ClassVar = {"decoder.weight": "model.embeddings.tok_embeddings.weight"}

    def further_arguments(self, keys):
        """Biases, windows and positions."""
        keys.only(decoder_bias=True)
        num_layers, every = keys.integer("num_hidden_layers"), keys.integer("global_attn_every_n_layers", 3)
        # A token sees half of them on either side, and itself.
        window = keys.integer("local_attention", 128) // 2 + 1
        windows = read_windows(keys, num_layers, window, lambda i: i % every != 0)
        arguments = {ours: keys.flag(theirs, False) for theirs, ours in _FLAGS.items()}
        groups, scaling = keys.value("rope_parameters", {}), keys.value("rope_scaling", {})
        for kind, (prefix, base_key, base) in _POSITIONS.items():
            group = groups.get(kind) or {} if isinstance(groups, dict) else groups
            group = {"rope_theta": keys.number(base_key, base), **scaling, **group}
            rotary = read_rotary_group(keys, group, "rope_parameters", base)
            if rotary.pop("rotary_share") != 1.0:
                raise keys.unsupported("rope_parameters", "partial_rotary_factor must be 1")
            arguments |= {prefix + name: value for name, value in rotary.items()}
        return {**arguments, "windows": windows or [None] * num_layers}

    def further_keys(self, config):
        """Biases, windows and positions."""
        windows = write_windows(config["windows"], config["num_layers"])
        window = windows.pop("sliding_window")
        rotary = {
            kind: {
                "rotary_base": config[f"{prefix}rotary_base"],
                "rotary_scaling": config[f"{prefix}rotary_scaling"],
                "rotary_share": 1.0,
            }
            for kind, (prefix, _, _) in _POSITIONS.items()
        }
        return {
            **{theirs: config[ours] for theirs, ours in _FLAGS.items()},
            **windows,
            "local_attention": 128 if window is None else 2 * (window - 1),
            "rope_parameters": {kind: write_rotary(each)["rope_parameters"] for kind, each in rotary.items()},
        }

    def arguments_of_head(self, kind, keys):
        """A projection with its own activation and a normalisation is in every head."""
        arguments = super().arguments_of_head(kind, keys)
        activation, bias = keys.activation("classifier_activation", "gelu"), keys.flag("classifier_bias", False)
        if kind in LANGUAGE_MODELS:
            return {**arguments, "activation": activation, "transform_bias": bias}
        arguments |= {"hidden_activation": activation, "hidden_bias": bias, "hidden_norm": True}
        if kind == "sequence_classifier":
            pooling = keys.value("classifier_pooling", "cls")
            if pooling not in _POOLINGS:
                raise keys.unsupported("classifier_pooling", f"it must be {' or '.join(_POOLINGS)}")
            arguments["pooling"] = _POOLINGS[pooling]
        return arguments

    def head_keys(self, model):
        """Keys of a model's head."""
        kind, keys = kind_of(model), super().head_keys(model)
        if kind == "encoder":
            return keys
        head = model.get_config()
        if kind in LANGUAGE_MODELS:
            activation, bias = head["activation"] or model.encoder.activation_name, head["transform_bias"]
        else:
            activation, bias = head["hidden_activation"], head["hidden_bias"]
        if kind == "sequence_classifier":
            pooling = {ours: theirs for theirs, ours in _POOLINGS.items()}.get(head["pooling"])
            if pooling is None:
                raise self.lacks(f"pooling={head['pooling']!r}")
            keys["classifier_pooling"] = pooling
        return {**keys, "classifier_activation": activation_name(activation), "classifier_bias": bias}

    def fixed_of_head(self, kind, config):
        """What a head must have."""
        return {"hidden_norm": True} if kind in (*CLASSIFIERS, SPANS) else {}

    def rules(self, encoder):
        """A `Rule` for every layer; queries, keys and values are one matrix, gate and up projection another."""
        yield Rule("table", "token_embedding.embeddings", "embeddings.tok_embeddings")
        yield Rule("norm", "embedding_norm", "embeddings.norm")
        for i, block in enumerate(encoder.encoder_blocks):
            ours, theirs = f"encoder_blocks.{i}", f"layers.{i}"
            for norm, name in (("self_attention_norm", "attn_norm"), ("feed_forward_norm", "mlp_norm")):
                if getattr(block, norm) is not None:
                    yield Rule("norm", f"{ours}.{norm}", f"{theirs}.{name}")
            for name, layers in (
                ("attn.Wqkv", ("self_attention.query", "self_attention.key", "self_attention.value")),
                ("attn.Wo", ("self_attention.output_projection",)),
                ("mlp.Wi", ("feed_forward.gate_projection", "feed_forward.up_projection")),
                ("mlp.Wo", ("feed_forward.down_projection",)),
            ):
                for place, layer in enumerate(layers):
                    yield Rule("dense", f"{ours}.{layer}", f"{theirs}.{name}", part=(place, len(layers)))
        yield Rule("norm", "final_norm", "final_norm")


ARCHITECTURE = ModernBertArchitecture()
