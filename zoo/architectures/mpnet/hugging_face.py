"""MPNet in Hugging Face directories."""

from typing import ClassVar

from zoo.architectures.bert.hugging_face import BertArchitecture, block_rules, embedding_rules
from zoo.architectures.mpnet.model import MPNet
from zoo.architectures.roberta.hugging_face import RobertaArchitecture
from zoo.architectures.rule import Rule


class MPNetArchitecture(RobertaArchitecture):
    """MPNet, with RoBERTa's heads and positions."""

    model_type = "mpnet"
    model_class = MPNet
    class_prefix = "MPNet"
    tensor_prefix = "mpnet."
    # Its program counts positions from there whatever the padding token is, and has no other number of buckets.
    fixed: ClassVar = {
        "norm": "post",
        "num_segments": 0,
        "position_offset": 2,
        "num_relative_buckets": 32,
        "embedding_dim": None,
    }
    layers = (
        *embedding_rules(),
        *block_rules(
            "encoder.layer",
            {
                "self_attention.query": "attention.attn.q",
                "self_attention.key": "attention.attn.k",
                "self_attention.value": "attention.attn.v",
                "self_attention.output_projection": "attention.attn.o",
                "self_attention_norm": "attention.LayerNorm",
                "feed_forward.up_projection": "intermediate.dense",
                "feed_forward.down_projection": "output.dense",
                "feed_forward_norm": "output.LayerNorm",
            },
        ),
        Rule("table", "relative_bias.table", "encoder.relative_attention_bias"),
    )
    pooler = BertArchitecture.pooler
    copies: ClassVar = {
        "lm_head.decoder.weight": "mpnet.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    }

    def position_offset(self, keys):
        """The row of the first position."""
        return self.fixed["position_offset"]

    def further_arguments(self, keys):
        """None but the fixed ones."""
        keys.only(relative_attention_num_buckets=self.fixed["num_relative_buckets"])
        return {}

    def further_keys(self, config):
        """The number of buckets."""
        return {"relative_attention_num_buckets": config["num_relative_buckets"]}


ARCHITECTURE = MPNetArchitecture()
