"""Phi-3 in Hugging Face directories: a Llama whose projections lie side by side in the files."""

from typing import ClassVar

from zoo.architectures.llama.hugging_face import LlamaArchitecture
from zoo.architectures.tensor_name import TensorName


class Phi3Architecture(LlamaArchitecture):
    """Phi-3 and Phi-4 of short contexts; those of long ones have positions that the zoo does not have."""

    model_type = "phi3"
    class_names = ("Phi3ForCausalLM", "Phi3Model")
    fixed: ClassVar = {"rotary_layers": None, "qk_norm": False, "attention_bias": False, "feed_forward_bias": False}
    default_length = 4096
    default_norm_epsilon = 1e-5

    def further_arguments(self, keys, num_layers):
        """The window of every layer, and dropout."""
        dropout = keys.number("resid_pdrop", 0.0)
        if keys.number("embd_pdrop", dropout) != dropout:
            raise keys.unsupported("embd_pdrop", f"it must be resid_pdrop, {dropout!r}")
        return {"windows": keys.optional_integer("sliding_window", None), "dropout": dropout}

    def further_keys(self, config):
        """The window of every layer, and dropout."""
        return {
            "sliding_window": config["windows"],
            "resid_pdrop": config["dropout"],
            "embd_pdrop": config["dropout"],
            "original_max_position_embeddings": config["max_sequence_length"],
        }

    def check(self, config):
        """Windows must be the same everywhere."""
        window = config["windows"] if not isinstance(config["windows"], list) else None
        self.check_values(config, output_bias=(None, False), windows=(window,))

    def projection_names(self, block, ours, theirs):
        """Queries, keys and values are one matrix, gate and up projection another."""
        attention, feed_forward = block.self_attention, block.feed_forward
        groups = {
            "self_attn.qkv_proj": {
                "self_attention.query": attention.query,
                "self_attention.key": attention.key,
                "self_attention.value": attention.value,
            },
            "self_attn.o_proj": {"self_attention.output_projection": attention.output_projection},
            "mlp.gate_up_proj": {
                "feed_forward.gate_projection": feed_forward.gate_projection,
                "feed_forward.up_projection": feed_forward.up_projection,
            },
            "mlp.down_proj": {"feed_forward.down_projection": feed_forward.down_projection},
        }
        for name, layers in groups.items():
            total, first = sum(layer.units for layer in layers.values()), 0
            for path, layer in layers.items():
                whole = f"{theirs}.{name}.weight"
                yield TensorName(f"{ours}.{path}.kernel", whole, transposed=True, columns=(first, total))
                first += layer.units


ARCHITECTURE = Phi3Architecture()
