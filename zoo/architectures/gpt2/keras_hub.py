"""GPT-2 in KerasHub."""

from typing import ClassVar

from zoo.architectures.gpt2.model import GPT2
from zoo.architectures.keras_hub_map import KerasHubMap, block_rules, paths_of_rules
from zoo.architectures.rule import Rule, expand

_SAME = ("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers", "dropout")


class GPT2KerasHubMap(KerasHubMap):
    """GPT-2."""

    name = "GPT-2"
    backbone = "GPT2Backbone"
    tokenizer = "GPT2Tokenizer"
    tasks: ClassVar = {"language_model": "GPT2CausalLM"}
    kind = "language_model"
    model_class = GPT2
    fixed: ClassVar = dict(
        activation="gelu_approximate", layer_norm_epsilon=1e-5, tied_embeddings=True, embedding_dropout=None
    )
    sizes: ClassVar = {name: name for name in (*_SAME, "max_sequence_length")}

    def tensor_names(self, model):
        """Every weight and its path."""
        block = block_rules(
            "decoder_blocks.{i}",
            "transformer_layer_{i}",
            {"self": "self_attention"},
            norms=("self_attention", "feed_forward"),
        )
        return paths_of_rules(
            [
                Rule("table", "token_embedding.embeddings", "token_embedding/embeddings"),
                Rule("table", "position_embedding.table", "position_embedding/embeddings"),
                *expand(block, model.num_layers),
                Rule("norm", "final_norm", "layer_norm"),
            ]
        )


KERAS_HUB = GPT2KerasHubMap()
