"""DistilBERT in Hugging Face directories: a BERT without segments and pooler."""

from typing import ClassVar

from zoo.architectures.bert.hugging_face import CLASSIFIER, SPAN_HEAD, block_rules, embedding_rules
from zoo.architectures.encoder_architecture import EncoderArchitecture
from zoo.architectures.rule import Rule


class DistilBertArchitecture(EncoderArchitecture):
    """DistilBERT."""

    model_type = "distilbert"
    class_prefix = "DistilBert"
    tensor_prefix = "distilbert."
    second_names: ClassVar = {"num_attention_heads": "n_heads", "hidden_size": "dim", "num_hidden_layers": "n_layers"}
    sizes: ClassVar = {
        "vocabulary_size": "vocab_size",
        "hidden_dim": "dim",
        "intermediate_dim": "hidden_dim",
        "num_heads": "n_heads",
        "num_layers": "n_layers",
        "max_sequence_length": "max_position_embeddings",
    }
    numbers: ClassVar = {"dropout": ("dropout", 0.1), "attention_dropout": ("attention_dropout", 0.1)}
    activation = ("activation", "gelu")
    fixed: ClassVar = {**EncoderArchitecture.fixed, "num_segments": 0, "layer_norm_epsilon": 1e-12}
    layers = (
        *embedding_rules(),
        *block_rules(
            "transformer.layer",
            {
                "self_attention.query": "attention.q_lin",
                "self_attention.key": "attention.k_lin",
                "self_attention.value": "attention.v_lin",
                "self_attention.output_projection": "attention.out_lin",
                "self_attention_norm": "sa_layer_norm",
                "feed_forward.up_projection": "ffn.lin1",
                "feed_forward.down_projection": "ffn.lin2",
                "feed_forward_norm": "output_layer_norm",
            },
        ),
    )
    heads: ClassVar = {
        "token_classifier": CLASSIFIER,
        "sequence_classifier": (Rule("dense", "hidden", "pre_classifier"), *CLASSIFIER),
        "span_predictor": SPAN_HEAD,
        "masked_token_predictor": (
            Rule("dense", "token_head.transform", "vocab_transform"),
            Rule("norm", "token_head.transform_norm", "vocab_layer_norm"),
            Rule("vector", "token_head.bias", "vocab_projector.bias"),
        ),
    }
    head_arguments: ClassVar = {"sequence_classifier": {"pooling": "first", "hidden_activation": "relu"}}
    head_dropout: ClassVar = {
        "sequence_classifier": ("seq_classif_dropout", 0.2),
        "span_predictor": ("qa_dropout", 0.1),
    }
    copies: ClassVar = {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"}

    def further_arguments(self, keys):
        """None: there are no segments."""
        return {}

    def further_keys(self, config):
        """None."""
        return {}


ARCHITECTURE = DistilBertArchitecture()
