"""Models of the zoo, plain `keras.Model`s from token ids to logits."""

import importlib
from typing import TYPE_CHECKING, Any

from zoo.models.encoder import Encoder
from zoo.models.encoder_decoder import EncoderDecoder
from zoo.models.flop_count import training_flops
from zoo.models.masked_token_predictor import MaskedTokenPredictor
from zoo.models.preference_scorer import PreferenceScorer
from zoo.models.sentence_encoder import SentenceEncoder
from zoo.models.sentence_tuple_encoder import SentenceTupleEncoder
from zoo.models.sequence_classifier import SequenceClassifier
from zoo.models.span_predictor import SpanPredictor
from zoo.models.token_classifier import TokenClassifier

if TYPE_CHECKING:
    from zoo.architectures.gpt2.model import GPT2
    from zoo.architectures.llama.model import Llama
    from zoo.architectures.t5.model import T5

__all__ = [
    "GPT2",
    "T5",
    "Encoder",
    "EncoderDecoder",
    "Llama",
    "MaskedTokenPredictor",
    "PreferenceScorer",
    "SentenceEncoder",
    "SentenceTupleEncoder",
    "SequenceClassifier",
    "SpanPredictor",
    "TokenClassifier",
    "training_flops",
]


def __getattr__(name: str) -> Any:
    """Classes of one family, such as `GPT2`, which are in its folder of `zoo.architectures`: that imports from here."""
    found = importlib.import_module("zoo.architectures.registered_models").MODEL_CLASSES
    if name not in found:
        raise AttributeError(f"module 'zoo.models' has no attribute {name!r}")
    return found[name]
