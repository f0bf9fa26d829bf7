"""Models of the zoo, plain `keras.Model`s from token ids to logits."""

import importlib
from typing import TYPE_CHECKING, Any

from zoo.models.encoder import Encoder
from zoo.models.encoder_decoder import EncoderDecoder
from zoo.models.flop_count import training_flops
from zoo.models.masked_token_predictor import MaskedTokenPredictor
from zoo.models.sentence_encoder import SentenceEncoder
from zoo.models.sequence_classifier import SequenceClassifier
from zoo.models.sizes import ENCODER_DECODER_SIZES, ENCODER_SIZES, GPT2_SIZES
from zoo.models.token_classifier import TokenClassifier

if TYPE_CHECKING:
    from zoo.architectures.gpt2.model import GPT2
    from zoo.architectures.llama.model import Llama
    from zoo.architectures.t5.model import T5

__all__ = [
    "ENCODER_DECODER_SIZES",
    "ENCODER_SIZES",
    "GPT2",
    "GPT2_SIZES",
    "T5",
    "Encoder",
    "EncoderDecoder",
    "Llama",
    "MaskedTokenPredictor",
    "SentenceEncoder",
    "SequenceClassifier",
    "TokenClassifier",
    "training_flops",
]

# Classes of one family are in its folder of `zoo.architectures`, which imports from here; so they are found when asked
# for.
_FOLDERS = {"GPT2": "gpt2", "Llama": "llama", "T5": "t5"}


def __getattr__(name: str) -> Any:
    if name not in _FOLDERS:
        raise AttributeError(f"module 'zoo.models' has no attribute {name!r}")
    return getattr(importlib.import_module(f"zoo.architectures.{_FOLDERS[name]}.model"), name)
