"""Qwen2 in Hugging Face directories: a Llama with biases of queries, keys and values, and perhaps windows."""

from typing import ClassVar

from zoo.architectures.layer_types import read_windows, write_windows
from zoo.architectures.llama.hugging_face import LlamaArchitecture


class Qwen2Architecture(LlamaArchitecture):
    """Qwen2 and Qwen2.5."""

    model_type = "qwen2"
    class_names = ("Qwen2ForCausalLM", "Qwen2Model")
    fixed: ClassVar = {
        "rotary_layers": None,
        "qk_norm": False,
        "attention_bias": True,
        "output_bias": False,
        "feed_forward_bias": False,
    }
    default_length = 32768
    default_heads = 32

    def further_arguments(self, keys, num_layers):
        """Windows of the upper layers, if they are used."""
        window = keys.optional_integer("sliding_window", 4096) if keys.flag("use_sliding_window", False) else None
        first = keys.integer("max_window_layers", 28, minimum=0)
        windows = read_windows(keys, num_layers, window, lambda i: window is not None and i >= first)
        return {"windows": windows}

    def further_keys(self, config):
        """The window of each layer."""
        keys = write_windows(config["windows"], config["num_layers"])
        return {**keys, "use_sliding_window": keys["sliding_window"] is not None}

    def check(self, config):
        """Everything but windows is fixed."""
        self.check_values(config, rotary_share=(1.0,))


ARCHITECTURE = Qwen2Architecture()
