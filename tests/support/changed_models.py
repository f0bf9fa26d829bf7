"""Tiny models whose layers were quantised or have low-rank adapters, with inputs for them."""

import gc

import keras
import numpy as np

from zoo.models import GPT2, T5, Encoder, EncoderDecoder, SequenceClassifier

V = 23
TOKEN_IDS = np.array([[5, 6, 2, 9, 0], [7, 3, 2, 0, 0]], "int32")
MASK = (TOKEN_IDS > 0).astype("int32")
ENCODER_INPUTS = {"token_ids": TOKEN_IDS, "padding_mask": MASK}
PAIR_INPUTS = {
    "source_token_ids": TOKEN_IDS,
    "source_padding_mask": MASK,
    "target_token_ids": TOKEN_IDS[:, ::-1].copy(),
}


def add_adapters(model, rank=2, seed=5):
    """Low-rank adapters beside every dense layer, with weights that change its outputs."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dense):
            layer.enable_lora(rank, lora_alpha=3 * rank)
            layer.lora_kernel_b.assign(rng.normal(scale=0.1, size=layer.lora_kernel_b.shape))


def _built(model):
    model.build()
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(scale=0.3, size=weight.shape))
    return model


def make_gpt2(**options):
    sizes = dict(hidden_dim=16, intermediate_dim=24, num_heads=2, num_layers=2, max_sequence_length=8)
    return _built(GPT2(V, **sizes, **options))


def make_classifier(**options):
    sizes = dict(hidden_dim=16, intermediate_dim=24, num_heads=2, num_layers=2, max_sequence_length=8)
    return _built(SequenceClassifier(Encoder(V, **sizes, **options), 3))


def make_encoder_decoder(**options):
    sizes = dict(source_vocabulary_size=V, target_vocabulary_size=V, max_sequence_length=8)
    return _built(EncoderDecoder.from_size("tiny", num_encoder_layers=1, num_decoder_layers=1, **sizes, **options))


def make_t5(**options):
    sizes = dict(hidden_dim=16, head_dim=8, intermediate_dim=24, num_heads=2)
    return _built(T5(V, num_encoder_layers=1, num_decoder_layers=1, gated=True, **sizes, **options))


_CHANGES = {
    "changed_gpt2_int8": (make_gpt2, {"token_ids": TOKEN_IDS}, "int8", False),
    "changed_gpt2_int4": (make_gpt2, {"token_ids": TOKEN_IDS}, "int4", False),
    "changed_classifier_lora": (make_classifier, ENCODER_INPUTS, None, True),
    "changed_classifier_int8_lora": (make_classifier, ENCODER_INPUTS, "int8", True),
    "changed_encoder_decoder_int8": (make_encoder_decoder, PAIR_INPUTS, "int8", False),
    "changed_t5_int8_lora": (make_t5, PAIR_INPUTS, "int8", True),
}
NAMES = tuple(_CHANGES)


def changed_models():
    """(name, model, inputs) of one model of each kind and each change."""
    for name, (make, inputs, quantization, adapters) in _CHANGES.items():
        model = make()
        if quantization is not None:
            quantize(model, quantization)
        if adapters:
            add_adapters(model)
        yield name, model, inputs


def quantize(model, mode):
    """Quantises every dense layer; `Model.quantize` would warn of those that it leaves."""
    quantize_layers([layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dense)], mode)


def quantize_layers(layers, mode):
    """Quantises layers without looking for garbage among all objects at each of them, as Keras does for seconds."""
    gc.freeze()
    for layer in layers:
        layer.quantize(mode)
    gc.unfreeze()
