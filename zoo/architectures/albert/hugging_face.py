"""ALBERT in Hugging Face directories."""

from typing import ClassVar

from zoo.architectures.albert.model import Albert
from zoo.architectures.bert.hugging_face import CLASSIFIER, SPAN_HEAD, embedding_rules
from zoo.architectures.encoder_architecture import CLASSIFIERS, EncoderArchitecture
from zoo.architectures.rule import Rule

_BLOCK = {
    "self_attention.query": "attention.query",
    "self_attention.key": "attention.key",
    "self_attention.value": "attention.value",
    "self_attention.output_projection": "attention.dense",
    "self_attention_norm": "attention.LayerNorm",
    "feed_forward.up_projection": "ffn",
    "feed_forward.down_projection": "ffn_output",
    "feed_forward_norm": "full_layer_layer_norm",
}
_TOKENS = (
    Rule("dense", "token_head.transform", "predictions.dense"),
    Rule("norm", "token_head.transform_norm", "predictions.LayerNorm"),
    Rule("vector", "token_head.bias", "predictions.bias"),
)


class AlbertArchitecture(EncoderArchitecture):
    """ALBERT."""

    model_type = "albert"
    model_class = Albert
    class_prefix = "Albert"
    tokenizer_class = "AlbertTokenizer"
    tensor_prefix = "albert."
    sizes: ClassVar = {**EncoderArchitecture.sizes, "embedding_dim": "embedding_size"}
    numbers: ClassVar = {
        "dropout": ("hidden_dropout_prob", 0.0),
        "attention_dropout": ("attention_probs_dropout_prob", 0.0),
        "layer_norm_epsilon": ("layer_norm_eps", 1e-12),
    }
    activation = ("hidden_act", "gelu_new")
    fixed: ClassVar = {}
    pooler = (Rule("dense", "pooler", "pooler"),)
    heads: ClassVar = {
        "token_classifier": CLASSIFIER,
        "sequence_classifier": CLASSIFIER,
        "span_predictor": SPAN_HEAD,
        "masked_token_predictor": _TOKENS,
        "pretraining": (*_TOKENS, Rule("dense", "next_sentence_head", "sop_classifier.classifier")),
    }
    head_arguments: ClassVar = {"sequence_classifier": {"pooling": "pooler"}}
    head_dropout: ClassVar = dict.fromkeys(CLASSIFIERS, ("classifier_dropout_prob", 0.1))
    copies: ClassVar = {
        "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
        "predictions.decoder.bias": "predictions.bias",
    }

    def further_arguments(self, keys):
        """Segments, and how layers share blocks."""
        return {
            **super().further_arguments(keys),
            "num_groups": keys.integer("num_hidden_groups", 1),
            "group_blocks": keys.integer("inner_group_num", 1),
        }

    def further_keys(self, config):
        """Segments, and how layers share blocks."""
        return {
            **super().further_keys(config),
            "num_hidden_groups": config["num_groups"],
            "inner_group_num": config["group_blocks"],
        }

    def rules(self, encoder):
        """A `Rule` for every layer, once for all that share it."""
        yield from embedding_rules()
        yield Rule("dense", "embedding_projection", "encoder.embedding_hidden_mapping_in")
        group_blocks = encoder.get_config()["group_blocks"]
        for i in range(len(encoder.encoder_blocks)):
            group, place = divmod(i, group_blocks)
            for ours, theirs in _BLOCK.items():
                kind = "norm" if ours.endswith("_norm") else "dense"
                prefix = f"encoder.albert_layer_groups.{group}.albert_layers.{place}"
                yield Rule(kind, f"encoder_blocks.{i}.{ours}", f"{prefix}.{theirs}")


ARCHITECTURE = AlbertArchitecture()
