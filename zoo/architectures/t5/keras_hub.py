"""T5 in KerasHub."""

from typing import ClassVar

import keras

from zoo.architectures.keras_hub_map import ACTIVATIONS, ATTENTION, KerasHubMap
from zoo.architectures.t5.model import T5
from zoo.architectures.tensor_name import TensorName
from zoo.errors import UserError


class T5KerasHubMap(KerasHubMap):
    """T5 of versions 1.0 and 1.1."""

    name = "T5"
    backbone = "T5Backbone"
    tokenizer = "T5Tokenizer"
    tasks: ClassVar = {"sequence_to_sequence": "T5Seq2SeqLM"}
    kind = "sequence_to_sequence"
    model_class = T5
    fixed: ClassVar = dict(num_buckets=32, max_distance=128)
    sizes: ClassVar = {
        "num_encoder_layers": "num_layers",
        "head_dim": "key_value_dim",
        "gated": "use_gated_activation",
        "norm_epsilon": "layer_norm_epsilon",
        "tied_embeddings": "tie_embedding_weights",
        **{name: name for name in ("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "dropout")},
    }
    weights_by_attributes = True

    def further_arguments(self, given, backbone, path):
        """Both sides are alike, and logits are scaled where tables are tied."""
        activation = getattr(backbone.activation, "__name__", None)
        if activation not in ACTIVATIONS:
            raise UserError(f"{path}: activation {activation!r} is not supported; supported are {[*ACTIVATIONS]}")
        return dict(
            head_dim=given["head_dim"] or given["hidden_dim"] // given["num_heads"],
            num_decoder_layers=given["num_encoder_layers"],
            activation=ACTIVATIONS[activation],
            scale_logits=given["tied_embeddings"],
        )

    def wanted(self, config):
        """Both sides must be alike."""
        return {
            **self.fixed,
            "num_decoder_layers": config["num_encoder_layers"],
            "scale_logits": config["tied_embeddings"],
        }

    def check(self, config):
        """Refuses activations as well."""
        super().check(config)
        if config["activation"] not in ACTIVATIONS.values():
            raise UserError(f"KerasHub has no T5 with activation={config['activation']!r}")

    def backbone_arguments(self, config):
        """With the activation, of which KerasHub has functions or names."""
        name = config["activation"]
        approximate = keras.saving.get_registered_object("keras_hub>gelu_approximate")
        functions = {"gelu_approximate": approximate, "swish": "silu"}
        return {**super().backbone_arguments(config), "activation": functions.get(name, name)}

    def tensor_names(self, model):
        """Every weight and its attributes, since KerasHub's paths are not unique."""
        names = [TensorName("token_embedding.embeddings", "token_embedding.embeddings")]
        if model.output_embedding is not model.token_embedding:
            matrix = "token_embedding.reverse_embeddings"
            names.append(TensorName("output_embedding.embeddings", matrix, transposed=True))
        for side, attentions in (("encoder", ("self",)), ("decoder", ("self", "cross"))):
            first = f"{side}_transformer_layers.0.self_attention.relative_attention_bias"
            names += [
                TensorName(f"{side}_bias.table", first),
                TensorName(f"{side}_norm.scale", f"{side}_layer_norm.weight"),
            ]
            for i in range(len(getattr(model, f"{side}_blocks"))):
                names += _block_names(f"{side}_blocks.{i}", f"{side}_transformer_layers.{i}", attentions, model)
        return names

    def special_tokens(self, tokenizer):
        """Answers begin with the padding token."""
        return dict(start_token_id=tokenizer.pad_id, source_suffix_ids=(tokenizer.eos_id,))


def _block_names(ours, theirs, attentions, model):
    for kind in attentions:
        yield TensorName(f"{ours}.{kind}_attention_norm.scale", f"{theirs}.{kind}_attention_layer_norm.weight")
        for part in ATTENTION:
            layer = f"{theirs}.{kind}_attention.{part.removesuffix('_projection')}_projector"
            yield TensorName(f"{ours}.{kind}_attention.{part}.kernel", f"{layer}.kernel")
    yield TensorName(f"{ours}.feed_forward_norm.scale", f"{theirs}.layer_norm.weight")
    gated = {"gate_projection": "input", "up_projection": "gate"}
    layers = gated if model.get_config()["gated"] else {"up_projection": "input"}
    for layer, name in {**layers, "down_projection": "output"}.items():
        yield TensorName(f"{ours}.feed_forward.{layer}.kernel", f"{theirs}.{name}_projector.kernel")


KERAS_HUB = T5KerasHubMap()
