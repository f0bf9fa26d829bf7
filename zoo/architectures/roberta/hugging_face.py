"""RoBERTa in Hugging Face directories: a BERT with other heads and with positions behind that of padding."""

from typing import ClassVar

from zoo.architectures.bert.hugging_face import CLASSIFIER, HIDDEN_CLASSIFIER, SPAN_HEAD, BertArchitecture
from zoo.architectures.encoder_architecture import EncoderArchitecture, body_of
from zoo.architectures.rule import Rule


class RobertaArchitecture(EncoderArchitecture):
    """RoBERTa."""

    model_type = "roberta"
    class_prefix = "Roberta"
    tokenizer_class = "RobertaTokenizer"
    tensor_prefix = "roberta."
    fixed: ClassVar = {"norm": "post", "embedding_dim": None, "num_relative_buckets": 0}
    layers = BertArchitecture.layers
    pooler = BertArchitecture.pooler
    heads: ClassVar = {
        "token_classifier": CLASSIFIER,
        "sequence_classifier": HIDDEN_CLASSIFIER,
        "span_predictor": SPAN_HEAD,
        "masked_token_predictor": (
            Rule("dense", "token_head.transform", "lm_head.dense"),
            Rule("norm", "token_head.transform_norm", "lm_head.layer_norm"),
            Rule("vector", "token_head.bias", "lm_head.bias"),
        ),
    }
    head_arguments: ClassVar = {
        "sequence_classifier": {"pooling": "first", "hidden_activation": "tanh"},
        "masked_token_predictor": {"activation": "gelu"},
    }
    hidden_dropout = True
    copies: ClassVar = {
        "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    }

    def arguments(self, keys):
        """The position of a token is counted from the row after that of the padding token."""
        arguments, offset = super().arguments(keys), self.position_offset(keys)
        length = arguments["max_sequence_length"] - offset
        return {**arguments, "position_offset": offset, "max_sequence_length": length}

    def position_offset(self, keys):
        """The row of the first position."""
        return keys.integer("pad_token_id", 1, minimum=0) + 1

    def configuration(self, model):
        """The keys of config.json."""
        content, offset = super().configuration(model), body_of(model).get_config()["position_offset"]
        length = content["max_position_embeddings"] + offset
        return {**content, "max_position_embeddings": length, "pad_token_id": offset - 1}

    def check(self, model, config):
        """Positions begin behind the padding token."""
        if not config["position_offset"]:
            raise self.lacks("position_offset=0")
        super().check(model, config)


ARCHITECTURE = RobertaArchitecture()
