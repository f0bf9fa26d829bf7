"""ELECTRA in Hugging Face directories: its discriminator, or its generator with the head for tokens."""

from typing import ClassVar

from zoo.architectures.bert.hugging_face import CLASSIFIER, HIDDEN_CLASSIFIER, SPAN_HEAD, BertArchitecture
from zoo.architectures.electra.model import Electra
from zoo.architectures.encoder_architecture import EncoderArchitecture
from zoo.architectures.rule import Rule


class ElectraArchitecture(EncoderArchitecture):
    """ELECTRA."""

    model_type = "electra"
    model_class = Electra
    class_prefix = "Electra"
    tensor_prefix = "electra."
    sizes: ClassVar = {**EncoderArchitecture.sizes, "embedding_dim": "embedding_size"}
    fixed: ClassVar = {"norm": "post", "position_offset": 0, "num_relative_buckets": 0}
    layers = (*BertArchitecture.layers, Rule("dense", "embedding_projection", "embeddings_project"))
    heads: ClassVar = {
        "token_classifier": CLASSIFIER,
        "sequence_classifier": HIDDEN_CLASSIFIER,
        "span_predictor": SPAN_HEAD,
        "masked_token_predictor": (
            Rule("dense", "token_head.transform", "generator_predictions.dense"),
            Rule("norm", "token_head.transform_norm", "generator_predictions.LayerNorm"),
            Rule("vector", "token_head.bias", "generator_lm_head.bias"),
        ),
    }
    head_arguments: ClassVar = {
        "sequence_classifier": {"pooling": "first", "hidden_activation": "gelu"},
        "masked_token_predictor": {"activation": "gelu"},
    }
    hidden_dropout = True
    copies: ClassVar = {"generator_lm_head.weight": "electra.embeddings.word_embeddings.weight"}
    foreign_heads = (r"discriminator_predictions\..*",)

    def configuration(self, model):
        """The keys of config.json."""
        content = super().configuration(model)
        return {**content, "embedding_size": content["embedding_size"] or content["hidden_size"]}


ARCHITECTURE = ElectraArchitecture()
