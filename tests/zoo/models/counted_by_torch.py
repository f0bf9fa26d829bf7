"""Products that PyTorch counts in forward and backward pass beside ours; run with KERAS_BACKEND=torch, prints JSON."""

import json

import keras
import numpy as np
from torch.utils.flop_counter import FlopCounterMode

from zoo.architectures.gemma2.model import Gemma
from zoo.architectures.llama.model import Llama
from zoo.models import (
    GPT2,
    T5,
    Encoder,
    EncoderDecoder,
    MaskedTokenPredictor,
    SentenceEncoder,
    SequenceClassifier,
    TokenClassifier,
    training_flops,
)
from zoo.training.optimizers.fine_tuning import freeze

# All sizes differ, so that none can stand in for another. Attention with dropout is made of products that are counted.
ROWS, SOURCE, TARGET, MASKED = 3, 7, 5, 2
SIZES = dict(hidden_dim=12, intermediate_dim=20, num_heads=2)
DROPOUT = dict(dropout=0.1, attention_dropout=0.1)


def ids(length):
    return np.ones((ROWS, length), "int32")


ENCODER_INPUT = {"token_ids": ids(SOURCE), "padding_mask": ids(SOURCE)}
PAIR_INPUT = {"source_token_ids": ids(SOURCE), "source_padding_mask": ids(SOURCE), "target_token_ids": ids(TARGET)}


def encoder(norm="post", pooler=False):
    return Encoder(11, **SIZES, **DROPOUT, num_layers=3, max_sequence_length=9, norm=norm, pooler=pooler)


def partly_frozen(norm, trainable_blocks):
    model = TokenClassifier(encoder(norm), 4)
    model.build()
    freeze(model, trainable_blocks)
    return model


def cases():
    """Yields name, model and input."""
    yield "encoder", encoder(), ENCODER_INPUT
    yield "token classifier", TokenClassifier(encoder("pre"), 4), ENCODER_INPUT
    for blocks in (0, 1, 2):
        for norm in ("pre", "post"):
            yield f"{blocks} trainable blocks, {norm}", partly_frozen(norm, blocks), ENCODER_INPUT
    yield "pooler", SequenceClassifier(encoder(pooler=True), 4), ENCODER_INPUT
    yield "mean", SequenceClassifier(encoder(), 4, pooling="mean", hidden_activation="relu"), ENCODER_INPUT
    yield "all tokens", MaskedTokenPredictor(encoder()), ENCODER_INPUT
    masked = {**ENCODER_INPUT, "masked_positions": ids(MASKED)}
    yield "masked tokens", MaskedTokenPredictor(encoder()), masked
    yield "next sentence", MaskedTokenPredictor(encoder(pooler=True), next_sentence=True), masked
    for tied in (True, False):
        model = GPT2(11, **SIZES, **DROPOUT, num_layers=2, max_sequence_length=9, tied_embeddings=tied)
        yield f"gpt2, tied {tied}", model, {"token_ids": ids(SOURCE)}
    grouped = dict(num_heads=4, num_key_value_heads=2, head_dim=6, num_layers=2, max_sequence_length=9)
    for tied in (True, False):
        model = Llama(11, 12, 20, **grouped, **DROPOUT, rotary_layers=[True, False], tied_embeddings=tied)
        yield f"llama, tied {tied}", model, {"token_ids": ids(SOURCE)}
    gemma = Gemma(11, 12, 20, **grouped, **DROPOUT, windows=[3, None], qk_norm=True, attention_softcap=9.0)
    yield "gemma", gemma, {"token_ids": ids(SOURCE)}
    sentences = SentenceEncoder(encoder(), projections=[dict(units=5, activation="tanh"), dict(units=3)])
    yield "sentence encoder", sentences, ENCODER_INPUT
    sizes = dict(num_encoder_layers=2, num_decoder_layers=3)
    for norm, tied in (("post", "all"), ("pre", "none")):
        model = EncoderDecoder(
            11, 11, **SIZES, **DROPOUT, **sizes, norm=norm, tied_embeddings=tied, decoder_intermediate_dim=28
        )
        yield f"encoder-decoder, {norm}", model, PAIR_INPUT
    for gated in (True, False):
        yield f"t5, gated {gated}", T5(11, **SIZES, head_dim=8, **sizes, gated=gated, dropout=0.1), PAIR_INPUT


def counted(model, x):
    with FlopCounterMode(display=False) as counter:
        outputs = keras.tree.flatten(model(x, training=True))
        sum((output.float() ** 2).sum() for output in outputs).backward()
    return counter.get_total_flops()


if __name__ == "__main__":
    found = {}
    for name, model, x in cases():
        if not model.built:
            model.build()
        found[name] = training_flops(model, x), counted(model, x)
    print(json.dumps(found))
