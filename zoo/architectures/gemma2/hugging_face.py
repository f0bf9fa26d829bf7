"""Gemma 2 in Hugging Face directories."""

from typing import ClassVar

from zoo.architectures.gemma2.model import Gemma
from zoo.architectures.layer_types import read_windows, write_windows
from zoo.architectures.llama.hugging_face import LlamaArchitecture
from zoo.architectures.rotary_keys import read_rotary, write_rotary


class Gemma2Architecture(LlamaArchitecture):
    """Gemma 2."""

    model_type = "gemma2"
    class_names = ("Gemma2ForCausalLM", "Gemma2Model")
    model_class = Gemma
    fixed: ClassVar = {"qk_norm": False}
    activation = ("hidden_activation", "gelu_pytorch_tanh")
    default_heads = 4
    default_head_dim = 256
    default_length = 8192
    default_tied = True
    norms: ClassVar = {
        "self_attention_norm": "input_layernorm",
        "self_attention_output_norm": "post_attention_layernorm",
        "feed_forward_norm": "pre_feedforward_layernorm",
        "feed_forward_output_norm": "post_feedforward_layernorm",
    }
    # Softcaps where the configuration has no key for them.
    default_softcaps: ClassVar = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}

    def arguments(self, keys):
        """Arguments of `Gemma`."""
        keys.only(use_bidirectional_attention=False)
        arguments = self.common_arguments(keys)
        softcaps = {key: keys.optional_number(key, default) for key, default in self.default_softcaps.items()}
        window = keys.optional_integer("sliding_window", 4096)
        return {
            **arguments,
            "scale": keys.number("query_pre_attn_scalar", 256) ** -0.5,
            "attention_softcap": softcaps["attn_logit_softcapping"],
            "logits_softcap": softcaps["final_logit_softcapping"],
            "attention_bias": keys.flag("attention_bias", False),
            "windows": read_windows(keys, arguments["num_layers"], window, self.has_window(keys)),
            **self.fixed,
            **self.rotary_arguments(keys),
        }

    def has_window(self, keys):
        """Function from a block's index to whether it has a window, where the configuration names no types."""
        return lambda i: i % 2 == 0

    def rotary_arguments(self, keys):
        """The same positions in all blocks."""
        rotary = read_rotary(keys, self.default_base)
        if rotary.pop("rotary_share") != 1.0:
            raise keys.unsupported("rope_parameters", "partial_rotary_factor must be 1")
        return {**rotary, "full_rotary_base": None, "full_rotary_scaling": rotary["rotary_scaling"]}

    def configuration(self, model):
        """The keys of config.json."""
        config = model.get_config()
        self.check(config)
        keys = self.common_keys(config)
        # Rounded, for the files have whole numbers and their roots are not.
        scalar = keys["head_dim"] if config["scale"] is None else round(config["scale"] ** -2, 6)
        return {
            **keys,
            "query_pre_attn_scalar": int(scalar) if scalar == int(scalar) else scalar,
            "attn_logit_softcapping": config["attention_softcap"],
            "final_logit_softcapping": config["logits_softcap"],
            "attention_bias": config["attention_bias"],
            **write_windows(config["windows"], config["num_layers"]),
            **self.rotary_keys(config),
        }

    def check(self, config):
        """Positions are the same in all blocks."""
        self.check_values(
            config,
            full_rotary_base=(None, config["rotary_base"]),
            full_rotary_scaling=(config["rotary_scaling"],),
        )

    def rotary_keys(self, config):
        """The same positions in all blocks."""
        return write_rotary({**config, "rotary_share": 1.0})


ARCHITECTURE = Gemma2Architecture()
