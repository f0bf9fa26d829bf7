"""Models of the zoo, plain `keras.Model`s from token ids to logits."""

from zoo.models.encoder_decoder import EncoderDecoder
from zoo.models.sizes import ENCODER_DECODER_SIZES

__all__ = ["ENCODER_DECODER_SIZES", "EncoderDecoder"]
