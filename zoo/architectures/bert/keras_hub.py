"""BERT in KerasHub, and what DistilBERT and RoBERTa share with it."""

from typing import ClassVar

from zoo.architectures.keras_hub_map import KerasHubMap, block_rules, paths_of_rules
from zoo.architectures.rule import Rule, expand
from zoo.models import Encoder

SIZES = (
    "vocabulary_size",
    "hidden_dim",
    "intermediate_dim",
    "num_heads",
    "num_layers",
    "dropout",
    "max_sequence_length",
)
"""Arguments of all three that KerasHub calls the same."""
SEGMENTS = "segment_embedding/embeddings"
"""The table of kinds of segments."""
_POOLER = "pooled_dense"


class EncoderKerasHubMap(KerasHubMap):
    """BERT.

    Attributes:
        has_pooler: Whether KerasHub's code has one; RoBERTa's is left behind.
        approximates_gelu: Whether KerasHub's code has GELU's approximation where others have GELU.
        sequence_head: Arguments of `SequenceClassifier`.
        drops_hidden: Whether the head applies dropout before its hidden layer too.
        tables: Prefix of the paths of the tables of tokens and positions.
    """

    name = "BERT"
    backbone = "BertBackbone"
    tokenizer = "BertTokenizer"
    tasks: ClassVar = {"sequence_classifier": "BertTextClassifier", "masked_token_predictor": "BertMaskedLM"}
    kind = "encoder"
    model_class = Encoder
    fixed: ClassVar = dict(
        norm="post",
        activation_dropout=0.0,
        activation="gelu_approximate",
        layer_norm_epsilon=1e-12,
        position_offset=0,
        embedding_dim=None,
        num_relative_buckets=0,
    )
    sizes: ClassVar = {name: name for name in (*SIZES, "num_segments")}
    has_pooler = True
    approximates_gelu = True
    sequence_head: ClassVar = dict(pooling="pooler", hidden_activation=None)
    drops_hidden = False
    tables = ""
    may_be_untrained = (f"{_POOLER}/kernel", f"{_POOLER}/bias")

    def holds(self, model):
        """BERT has segments, and counts positions from 0."""
        return (
            super().holds(model)
            and model.get_config()["num_segments"] > 0
            and not model.get_config()["position_offset"]
        )

    def further_arguments(self, given, backbone, path):
        """With the pooler."""
        return {**super().further_arguments(given, backbone, path), "pooler": self.has_pooler}

    def advice(self, name, value):
        """GELU's approximation can be taken for GELU."""
        accepted = self.approximates_gelu and (name, value) == ("activation", "gelu")
        return "; --approximate-gelu accepts that" if accepted else ""

    def tensor_names(self, model):
        """Every weight and its path."""
        rules = [
            Rule("table", "token_embedding.embeddings", f"{self.tables}token_embedding/embeddings"),
            Rule("table", "position_embedding.table", f"{self.tables}position_embedding/embeddings"),
            Rule("norm", "embedding_norm", "embeddings_layer_norm"),
        ]
        if model.segment_embedding is not None:
            rules.append(Rule("table", "segment_embedding.embeddings", SEGMENTS))
        norms = ("self_attention", "feed_forward")
        block = block_rules("encoder_blocks.{i}", "transformer_layer_{i}", {"self": "self_attention_layer"}, norms)
        rules += expand(block, model.num_layers)
        if model.pooler is not None and self.has_pooler:
            rules.append(Rule("dense", "pooler", _POOLER))
        return paths_of_rules(rules)

    def head_names(self, kind):
        """`TensorName` of every weight of a head, `ours` counted from the model with the head."""
        if kind == "sequence_classifier":
            hidden = [Rule("dense", "hidden", _POOLER)] * (self.sequence_head["hidden_activation"] is not None)
            return paths_of_rules([*hidden, Rule("dense", "classifier", "logits")])
        return paths_of_rules(
            [
                Rule("dense", "token_head.transform", "mlm_head/intermediate_dense"),
                Rule("norm", "token_head.transform_norm", "mlm_head/intermediate_layer_norm"),
                Rule("vector", "token_head.bias", "mlm_head/output_bias"),
            ]
        )


KERAS_HUB = EncoderKerasHubMap()
