"""Qwen3 in Hugging Face directories: a Llama whose queries and keys are normalised, and perhaps windows."""

from typing import ClassVar

from zoo.architectures.qwen2.hugging_face import Qwen2Architecture


class Qwen3Architecture(Qwen2Architecture):
    """Qwen3, its dense models."""

    model_type = "qwen3"
    class_names = ("Qwen3ForCausalLM", "Qwen3Model")
    fixed: ClassVar = {"rotary_layers": None, "qk_norm": True, "feed_forward_bias": False}
    default_head_dim = 128

    def further_arguments(self, keys, num_layers):
        """Biases, and windows of the upper layers."""
        return {**super().further_arguments(keys, num_layers), "attention_bias": keys.flag("attention_bias", False)}

    def further_keys(self, config):
        """Biases, and the window of each layer."""
        return {**super().further_keys(config), "attention_bias": config["attention_bias"]}

    def check(self, config):
        """All projections of attention have biases, or none."""
        self.check_values(config, output_bias=(None, config["attention_bias"]), rotary_share=(1.0,))


ARCHITECTURE = Qwen3Architecture()
