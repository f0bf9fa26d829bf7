"""RoBERTa in KerasHub."""

from typing import ClassVar

import numpy as np

from zoo.architectures.bert.keras_hub import SEGMENTS, SIZES, EncoderKerasHubMap
from zoo.errors import UserError


class RobertaKerasHubMap(EncoderKerasHubMap):
    """RoBERTa."""

    name = "RoBERTa"
    backbone = "RobertaBackbone"
    tokenizer = "RobertaTokenizer"
    tasks: ClassVar = {"sequence_classifier": "RobertaTextClassifier", "masked_token_predictor": "RobertaMaskedLM"}
    fixed: ClassVar = dict(
        norm="post",
        activation_dropout=0.0,
        activation="gelu",
        layer_norm_epsilon=1e-5,
        embedding_dim=None,
        num_relative_buckets=0,
    )
    sizes: ClassVar = {name: name for name in SIZES}
    rows_before_positions = 2
    position_tables = ("embeddings/position_embedding/embeddings",)
    has_pooler = False
    approximates_gelu = False
    sequence_head: ClassVar = dict(pooling="first", hidden_activation="tanh")
    drops_hidden = True
    tables = "embeddings/"

    def holds(self, model):
        """RoBERTa's positions are counted behind rows that no position uses."""
        return isinstance(model, self.model_class) and model.get_config()["position_offset"] > 0

    def further_arguments(self, given, backbone, path):
        """With one kind of segments, whose vector is zero."""
        offset = {"position_offset": self.rows_before_positions, "num_segments": 1}
        return {**super().further_arguments(given, backbone, path), **offset}

    def check(self, config):
        """Refuses several kinds of segments."""
        super().check(config)
        if config["num_segments"] > 1:
            raise UserError(f"KerasHub has no RoBERTa with {config['num_segments']} kinds of segments")

    def left_behind(self, model):
        """KerasHub's RoBERTa has no pooler."""
        return [] if model.pooler is None else ["without its pooler, which KerasHub's RoBERTa has not"]

    def to_ours(self, arrays):
        """KerasHub has no vector of segments."""
        segment = np.zeros((1, arrays[self.position_tables[0]].shape[1]), "float32")
        return {**super().to_ours(arrays), SEGMENTS: segment}

    def to_theirs(self, arrays, config):
        """The vector of segments, which every token has, goes into that of each position."""
        found = super().to_theirs(arrays, config)
        segment = found.pop(SEGMENTS, None)
        if segment is not None:
            (name,) = self.position_tables
            found[name] = found[name] + segment[:1]
        return found


KERAS_HUB = RobertaKerasHubMap()
