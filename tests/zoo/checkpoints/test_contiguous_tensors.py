"""safetensors stores an array's memory as it lies: of a transposed view it would keep other numbers, without a word."""

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from zoo.checkpoints import load_hugging_face, save_hugging_face
from zoo.checkpoints.hugging_face.safetensors_files import write_tensors
from zoo.models import GPT2, Encoder, EncoderDecoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier

SIZES = dict(hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=1, max_sequence_length=9)


PAIR = dict(hidden_dim=8, intermediate_dim=12, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)
IDS = dict(end_token_id=2, pad_token_id=0)


def encoder(**options):
    return Encoder(30, **SIZES, **options)


def encoder_decoder(**options):
    return EncoderDecoder(30, 30, **PAIR, max_sequence_length=9, tied_embeddings="all", norm="post", **options)


WRITERS = {
    "bert": lambda: (SequenceClassifier(encoder(), 3), {}),
    "distilbert": lambda: (TokenClassifier(encoder(num_segments=0, pooler=False), 3), {}),
    "roberta": lambda: (MaskedTokenPredictor(encoder(position_offset=2, pooler=False), activation="gelu"), {}),
    "gpt2": lambda: (GPT2(30, **SIZES), {"end_token_id": 0}),
    "marian": lambda: (encoder_decoder(positions="sinusoidal", logits_bias=True), IDS),
    "bart": lambda: (encoder_decoder(positions="learned", position_offset=2, embedding_norm=True), IDS),
}


def test_a_transposed_view(tmp_path):
    values = np.arange(6.0, dtype="float32").reshape(2, 3)
    write_tensors({"view": values.T, "part": values[:, 1:], "plain": values}, tmp_path / "model.safetensors")
    found = load_file(tmp_path / "model.safetensors")
    for name, expected in {"view": values.T, "part": values[:, 1:], "plain": values}.items():
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_when_arrays_come_transposed(tmp_path, monkeypatch, name):
    """Backends may hand out weights in another order in memory; the file holds the same numbers."""
    model, options = WRITERS[name]()
    model.build()
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    save_hugging_face(model, tmp_path / "plain", **options)
    convert = keras.ops.convert_to_numpy
    monkeypatch.setattr("keras.ops.convert_to_numpy", lambda value: np.asfortranarray(convert(value)))
    save_hugging_face(model, tmp_path / "turned", **options)
    monkeypatch.undo()
    plain, turned = (load_file(tmp_path / kind / "model.safetensors") for kind in ("plain", "turned"))
    assert plain.keys() == turned.keys()
    for tensor, values in plain.items():
        np.testing.assert_array_equal(turned[tensor], values, err_msg=tensor)
    for ours, again in zip(model.weights, load_hugging_face(tmp_path / "turned").model.weights, strict=True):
        np.testing.assert_array_equal(convert(ours), convert(again))
