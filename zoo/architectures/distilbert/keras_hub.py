"""DistilBERT in KerasHub."""

from typing import ClassVar

from zoo.architectures.bert.keras_hub import SIZES, EncoderKerasHubMap


class DistilBertKerasHubMap(EncoderKerasHubMap):
    """DistilBERT."""

    name = "DistilBERT"
    backbone = "DistilBertBackbone"
    tokenizer = "DistilBertTokenizer"
    tasks: ClassVar = {
        "sequence_classifier": "DistilBertTextClassifier",
        "masked_token_predictor": "DistilBertMaskedLM",
    }
    fixed: ClassVar = {**EncoderKerasHubMap.fixed, "activation": "gelu", "num_segments": 0, "pooler": False}
    sizes: ClassVar = {name: name for name in SIZES}
    has_pooler = False
    approximates_gelu = False
    sequence_head: ClassVar = dict(pooling="first", hidden_activation="relu")
    tables = "token_and_position_embedding/"

    def holds(self, model):
        """DistilBERT has no segments."""
        config = model.get_config() if isinstance(model, self.model_class) else {}
        return bool(config) and not config["num_segments"] and not config["position_offset"]


KERAS_HUB = DistilBertKerasHubMap()
