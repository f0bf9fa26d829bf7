"""SmolLM3 in Hugging Face directories: a Llama some of whose layers have no positions, and those perhaps windows."""

from typing import ClassVar

from zoo.architectures.layer_types import read_windows
from zoo.architectures.qwen2.hugging_face import Qwen2Architecture


class SmolLM3Architecture(Qwen2Architecture):
    """SmolLM3."""

    model_type = "smollm3"
    class_names = ("SmolLM3ForCausalLM", "SmolLM3Model")
    fixed: ClassVar = {"qk_norm": False}
    default_base = 2000000.0
    default_heads = 4
    default_tied = True

    def further_arguments(self, keys, num_layers):
        """Biases, windows, and which layers have positions."""
        interval = keys.integer("no_rope_layer_interval", 4)
        rotary = keys.value("no_rope_layers", [int((i + 1) % interval != 0) for i in range(num_layers)])
        if not isinstance(rotary, list) or len(rotary) != num_layers or set(rotary) - {0, 1}:
            raise keys.unsupported("no_rope_layers", f"it must be 0 or 1 for each of {num_layers} layers")
        window = keys.optional_integer("sliding_window", None) if keys.flag("use_sliding_window", False) else None
        windows = read_windows(keys, num_layers, window, lambda i: window is not None and not rotary[i])
        return {
            "windows": windows,
            "rotary_layers": rotary,
            "attention_bias": keys.flag("attention_bias", False),
            "feed_forward_bias": keys.flag("mlp_bias", False),
        }

    def further_keys(self, config):
        """Biases, windows, and which layers have positions."""
        rotary = config["rotary_layers"]
        return {
            **super().further_keys(config),
            "no_rope_layers": [1] * config["num_layers"] if rotary is None else [int(each) for each in rotary],
            "attention_bias": config["attention_bias"],
            "mlp_bias": config["feed_forward_bias"],
        }

    def check(self, config):
        """All projections of attention have biases, or none."""
        self.check_values(config, output_bias=(None, config["attention_bias"]), rotary_share=(1.0,))


ARCHITECTURE = SmolLM3Architecture()
