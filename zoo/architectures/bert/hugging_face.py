"""BERT in Hugging Face directories, and the names of layers that the families after it share with it."""

from typing import ClassVar

from zoo.architectures.encoder_architecture import EncoderArchitecture
from zoo.architectures.rule import Rule

CLASSIFIER = (Rule("dense", "classifier", "classifier"),)
"""The last layer of a classifier."""
SPAN_HEAD = (Rule("dense", "span_head", "qa_outputs"),)
"""The only layer over an encoder that finds answers."""
HIDDEN_CLASSIFIER = (
    Rule("dense", "hidden", "classifier.dense"),
    Rule("dense", "classifier", "classifier.out_proj"),
)
"""A classifier of sequences with a hidden layer, as of RoBERTa and the families after it."""
_TOKENS = (
    Rule("dense", "token_head.transform", "cls.predictions.transform.dense"),
    Rule("norm", "token_head.transform_norm", "cls.predictions.transform.LayerNorm"),
    Rule("vector", "token_head.bias", "cls.predictions.bias"),
)


def embedding_rules():
    """Rules of what comes before the blocks."""
    yield Rule("table", "token_embedding.embeddings", "embeddings.word_embeddings")
    yield Rule("table", "position_embedding.table", "embeddings.position_embeddings")
    yield Rule("table", "segment_embedding.embeddings", "embeddings.token_type_embeddings")
    yield Rule("norm", "embedding_norm", "embeddings.LayerNorm")


def block_rules(prefix, layers):
    """Rules of the blocks.

    Args:
        prefix: Path to the blocks in the file.
        layers: The name in the file by that of each layer of a block; those that end in "_norm" normalise.
    """
    for ours, theirs in layers.items():
        kind = "norm" if ours.endswith("_norm") else "dense"
        yield Rule(kind, f"encoder_blocks.{{i}}.{ours}", f"{prefix}.{{i}}.{theirs}")


class BertArchitecture(EncoderArchitecture):
    """BERT."""

    model_type = "bert"
    class_prefix = "Bert"
    tensor_prefix = "bert."
    layers = (
        *embedding_rules(),
        *block_rules(
            "encoder.layer",
            {
                "self_attention.query": "attention.self.query",
                "self_attention.key": "attention.self.key",
                "self_attention.value": "attention.self.value",
                "self_attention.output_projection": "attention.output.dense",
                "self_attention_norm": "attention.output.LayerNorm",
                "feed_forward.up_projection": "intermediate.dense",
                "feed_forward.down_projection": "output.dense",
                "feed_forward_norm": "output.LayerNorm",
            },
        ),
    )
    pooler = (Rule("dense", "pooler", "pooler.dense"),)
    heads: ClassVar = {
        "token_classifier": CLASSIFIER,
        "sequence_classifier": CLASSIFIER,
        "span_predictor": SPAN_HEAD,
        "masked_token_predictor": _TOKENS,
        "pretraining": (*_TOKENS, Rule("dense", "next_sentence_head", "cls.seq_relationship")),
    }
    head_arguments: ClassVar = {"sequence_classifier": {"pooling": "pooler"}}
    copies: ClassVar = {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }


ARCHITECTURE = BertArchitecture()
