"""Texts, and a model of random weights that answers each of them differently."""

import numpy as np

from zoo.models import EncoderDecoder

LINES = [
    "a man rides a horse",
    "two dogs run through the snow",
    "",
    "ein Mann reitet",
    "the horse",
    " \t\u3000",
    "zwei kleine Hunde laufen durch den tiefen Schnee und spielen",
    b"a \xff man \xe2\x82",
]


def make_tiny_model(tokenizer, **options):
    """Two layers a side, with random weights that give every text an answer of its own, of words and not of bytes."""
    sizes = dict(hidden_dim=24, intermediate_dim=32, num_heads=2, num_encoder_layers=2, num_decoder_layers=2)
    options = {
        "max_sequence_length": 40,
        "tied_embeddings": "none",
        "norm": "pre",
        "positions": "learned",
        **sizes,
        **options,
    }
    model = EncoderDecoder(tokenizer.vocabulary_size, tokenizer.vocabulary_size, **options)
    model.build()
    rng = np.random.default_rng(11)
    for weight in model.trainable_weights:
        if len(weight.shape) == 2:
            scale = {"embeddings": 0.4, "positions": 1.2}.get(weight.name, 1.6 / weight.shape[0] ** 0.5)
            weight.assign(rng.normal(0, scale, size=weight.shape))
    output = rng.normal(0, 0.8, size=(tokenizer.vocabulary_size, 24))
    output[4:267] *= 0.1  # bytes and escapes stay improbable
    output[tokenizer.eos_id] *= 2.0
    model.output_embedding.embeddings.assign(output)
    return model
