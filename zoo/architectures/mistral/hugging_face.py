"""Mistral in Hugging Face directories: a Llama whose attention may see a window."""

from typing import ClassVar

from zoo.architectures.llama.hugging_face import LlamaArchitecture


class MistralArchitecture(LlamaArchitecture):
    """Mistral 7B and the models after it with the same `model_type`."""

    model_type = "mistral"
    class_names = ("MistralForCausalLM", "MistralModel")
    fixed: ClassVar = {"rotary_layers": None, "qk_norm": False, "attention_bias": False, "feed_forward_bias": False}
    default_length = 131072
    default_heads = 8

    def further_arguments(self, keys, num_layers):
        """The window of every layer."""
        return {"windows": keys.optional_integer("sliding_window", 4096)}

    def further_keys(self, config):
        """The window of every layer."""
        return {"sliding_window": config["windows"]}

    def check(self, config):
        """Windows must be the same everywhere."""
        window = config["windows"] if not isinstance(config["windows"], list) else None
        self.check_values(config, output_bias=(None, False), rotary_share=(1.0,), windows=(window,))


ARCHITECTURE = MistralArchitecture()
