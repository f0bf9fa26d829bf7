"""Models of the zoo, plain `keras.Model`s from token ids to logits."""

from zoo.models.encoder import Encoder
from zoo.models.encoder_decoder import EncoderDecoder
from zoo.models.flop_count import training_flops
from zoo.models.gpt2 import GPT2
from zoo.models.masked_token_predictor import MaskedTokenPredictor
from zoo.models.sentence_encoder import SentenceEncoder
from zoo.models.sequence_classifier import SequenceClassifier
from zoo.models.sizes import ENCODER_DECODER_SIZES, ENCODER_SIZES, GPT2_SIZES
from zoo.models.t5 import T5
from zoo.models.token_classifier import TokenClassifier

__all__ = [
    "ENCODER_DECODER_SIZES",
    "ENCODER_SIZES",
    "GPT2",
    "GPT2_SIZES",
    "T5",
    "Encoder",
    "EncoderDecoder",
    "MaskedTokenPredictor",
    "SentenceEncoder",
    "SequenceClassifier",
    "TokenClassifier",
    "training_flops",
]
