"""Llama in Hugging Face directories, and the keys and tensors that the families after it share with it."""

from typing import ClassVar

from zoo.architectures.configuration_keys import activation_name
from zoo.architectures.language_model_architecture import LanguageModelArchitecture
from zoo.architectures.llama.model import Llama
from zoo.architectures.rotary_keys import read_rotary, write_rotary
from zoo.architectures.tensor_name import TensorName
from zoo.errors import UserError

_SAME = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "intermediate_size": "intermediate_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
}


class LlamaArchitecture(LanguageModelArchitecture):
    """Llama 1 to 3.2, SmolLM and SmolLM2.

    Attributes:
        fixed: Arguments of `Llama` that the family's program fixes.
        activation: The key of the activation, and its default.
        default_base, default_length, default_tied, default_norm_epsilon: Where the configuration does not say.
        default_heads: Of keys and values, where the configuration has no key for them; as many as of queries if None.
        default_head_dim: Likewise; what the heads share out if None.
        norms: Name in the file by attribute of a block.
    """

    model_type = "llama"
    class_names = ("LlamaForCausalLM", "LlamaModel")
    model_class = Llama
    ignored_tensors = (r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq",)
    fixed: ClassVar = {"rotary_layers": None, "windows": None, "qk_norm": False}
    activation = ("hidden_act", "silu")
    default_base = 10000.0
    default_length = 2048
    default_tied = False
    default_norm_epsilon = 1e-6
    default_heads = None
    default_head_dim = None
    norms: ClassVar = {"self_attention_norm": "input_layernorm", "feed_forward_norm": "post_attention_layernorm"}

    def arguments(self, keys):
        """Arguments of `Llama`."""
        keys.only(pretraining_tp=1)
        arguments = self.common_arguments(keys)
        return {
            **arguments,
            **read_rotary(keys, self.default_base),
            **self.fixed,
            **self.further_arguments(keys, arguments["num_layers"]),
        }

    def common_arguments(self, keys):
        """Arguments that models of every kind have."""
        keys.only(quantization_config=(), is_decoder=False, add_cross_attention=False)
        arguments = keys.integers(_SAME)
        heads = arguments["num_heads"]
        head_dim = keys.optional_integer("head_dim", self.default_head_dim)
        if head_dim is None:
            if arguments["hidden_dim"] % heads:
                raise keys.unsupported("num_attention_heads", "it must divide hidden_size")
            head_dim = arguments["hidden_dim"] // heads
        return {
            **arguments,
            "head_dim": head_dim,
            "num_key_value_heads": keys.optional_integer("num_key_value_heads", self.default_heads) or heads,
            "max_sequence_length": keys.integer("max_position_embeddings", self.default_length),
            "activation": keys.activation(*self.activation),
            "norm_epsilon": keys.number("rms_norm_eps", self.default_norm_epsilon),
            "attention_dropout": keys.number("attention_dropout", 0.0),
            "tied_embeddings": keys.flag("tie_word_embeddings", self.default_tied),
        }

    def further_arguments(self, keys, num_layers):
        """Arguments of `Llama` by keys that only this family has."""
        return {
            "attention_bias": keys.flag("attention_bias", False),
            "feed_forward_bias": keys.flag("mlp_bias", False),
        }

    def configuration(self, model):
        """The keys of config.json."""
        config = model.get_config()
        self.check(config)
        return {**self.common_keys(config), **write_rotary(config), **self.further_keys(config)}

    def common_keys(self, config):
        """Keys that models of every kind have."""
        return {
            **{theirs: config[ours] for theirs, ours in _SAME.items()},
            "head_dim": config["head_dim"] or config["hidden_dim"] // config["num_heads"],
            "num_key_value_heads": config["num_key_value_heads"] or config["num_heads"],
            "max_position_embeddings": config["max_sequence_length"],
            self.activation[0]: activation_name(config["activation"]),
            "rms_norm_eps": config["norm_epsilon"],
            "attention_dropout": config["attention_dropout"],
            "tie_word_embeddings": config["tied_embeddings"],
        }

    def further_keys(self, config):
        """Keys that only this family has."""
        return {"attention_bias": config["attention_bias"], "mlp_bias": config["feed_forward_bias"]}

    def check(self, config):
        """Refuses arguments of `Llama` that the family's configuration cannot say."""
        biases = (config["attention_bias"], config["attention_bias"])
        self.check_values(config, output_bias=(None, *biases), rotary_share=(1.0,))

    def check_values(self, config, **allowed):
        """Refuses arguments other than the fixed ones and the allowed ones."""
        allowed = {**{name: (value,) for name, value in self.fixed.items()}, **allowed}
        for name, values in allowed.items():
            if config[name] not in values:
                wanted = " or ".join(map(repr, values))
                raise UserError(f"{self.class_names[0]} has no {name}={config[name]!r}, only {wanted}")

    def tensor_names(self, model):
        """Every weight of a built model and its name."""
        names = [
            TensorName("token_embedding.embeddings", self.table),
            TensorName("final_norm.scale", "model.norm.weight"),
        ]
        if not model.tied_embeddings:
            names.append(TensorName("output_embedding.embeddings", self.output_matrix))
        for i, block in enumerate(model.decoder_blocks):
            names += self._block_names(block, f"decoder_blocks.{i}", f"model.layers.{i}")
        return names

    def _block_names(self, block, ours, theirs):
        for attribute, name in self.norms.items():
            yield TensorName(f"{ours}.{attribute}.scale", f"{theirs}.{name}.weight")
        attention = block.self_attention
        if attention.query_norm is not None:
            for part in ("q", "k"):
                name = {"q": "query_norm", "k": "key_norm"}[part]
                yield TensorName(f"{ours}.self_attention.{name}.scale", f"{theirs}.self_attn.{part}_norm.weight")
        yield from self.projection_names(block, ours, theirs)

    def projection_names(self, block, ours, theirs):
        """`TensorName` of the projections of a block."""
        attention, feed_forward = block.self_attention, block.feed_forward
        layers = {
            "self_attention.query": (attention.query, "self_attn.q_proj"),
            "self_attention.key": (attention.key, "self_attn.k_proj"),
            "self_attention.value": (attention.value, "self_attn.v_proj"),
            "self_attention.output_projection": (attention.output_projection, "self_attn.o_proj"),
            "feed_forward.gate_projection": (feed_forward.gate_projection, "mlp.gate_proj"),
            "feed_forward.up_projection": (feed_forward.up_projection, "mlp.up_proj"),
            "feed_forward.down_projection": (feed_forward.down_projection, "mlp.down_proj"),
        }
        for path, (layer, name) in layers.items():
            yield TensorName(f"{ours}.{path}.kernel", f"{theirs}.{name}.weight", transposed=True)
            if layer.use_bias:
                yield TensorName(f"{ours}.{path}.bias", f"{theirs}.{name}.bias")


ARCHITECTURE = LlamaArchitecture()
