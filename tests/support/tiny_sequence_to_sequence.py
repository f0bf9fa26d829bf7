"""Tiny random encoder-decoders of transformers, and what they and the zoo answer to the same batch."""

import numpy as np
import torch
import transformers
from keras import ops

V, S, T = 41, 7, 6
PADDING_MASK = np.array([[1] * 7, [1] * 4 + [0] * 3, [1] * 2 + [0] * 5], "int32")
_RANDOM = np.random.default_rng(3)
SOURCE, TARGET = (_RANDOM.integers(5, 29, size=(3, length)).astype("int32") for length in (S, T))

# Values other than the defaults wherever a default could hide a key that is not read.
_SIZES = dict(
    vocab_size=V,
    d_model=16,
    encoder_layers=2,
    decoder_layers=1,
    encoder_attention_heads=4,
    decoder_attention_heads=2,
    encoder_ffn_dim=20,
    decoder_ffn_dim=28,
    max_position_embeddings=24,
)
_SPECIAL = dict(pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, bos_token_id=0, forced_eos_token_id=2)
OPTIONS = {
    "plain": {},
    "scaled": dict(scale_embedding=True, activation_function="swish"),
    "approximate": dict(activation_function="gelu_new", decoder_layers=2, d_model=20),
}
MARIAN_OPTIONS = {
    "two_tables": dict(share_encoder_decoder_embeddings=False, decoder_vocab_size=31, scale_embedding=True),
    "three_tables": dict(share_encoder_decoder_embeddings=False, decoder_vocab_size=31, tie_word_embeddings=False),
}
MODELS = {
    "marian": (transformers.MarianConfig, transformers.MarianMTModel),
    "bart": (transformers.BartConfig, transformers.BartForConditionalGeneration),
    "mbart": (transformers.MBartConfig, transformers.MBartForConditionalGeneration),
    "pegasus": (transformers.PegasusConfig, transformers.PegasusForConditionalGeneration),
}
EVERY = [(family, option) for family in MODELS for option in OPTIONS] + [("marian", name) for name in MARIAN_OPTIONS]


def make_reference(family, option="plain", scale=0.3, **changes):
    """A model of transformers in evaluation mode whose every weight is noise, its bias of the logits included."""
    make_config, make_model = MODELS[family]
    options = {**OPTIONS, **MARIAN_OPTIONS}[option]
    model = make_model(make_config(**{**_SIZES, **_SPECIAL, **options, **changes})).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            if weight.requires_grad:
                mean = float("norm" in path and path.endswith("weight"))
                weight.copy_(mean + scale * torch.randn(weight.shape, generator=generator))
        model.final_logits_bias.copy_(torch.randn(model.final_logits_bias.shape, generator=generator))
    return model


def reference_logits(model):
    """[B, T, V] of the batch."""
    with torch.no_grad():
        return model(
            input_ids=torch.tensor(SOURCE).long(),
            attention_mask=torch.tensor(PADDING_MASK).long(),
            decoder_input_ids=torch.tensor(TARGET).long(),
        ).logits.numpy()


def logits(model):
    """What a model of the zoo answers to the same batch."""
    inputs = {"source_token_ids": SOURCE, "source_padding_mask": PADDING_MASK, "target_token_ids": TARGET}
    return ops.convert_to_numpy(model(inputs))
